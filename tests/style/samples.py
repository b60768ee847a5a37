"""What the check of await shapes must find, and what it must let pass."""

FORBIDDEN = """
if (co_await ready()) { go(); }
if (auto n = co_await read(); n) { go(); }
while (co_await more()) {}
for (auto x : co_await list()) {}
switch (co_await kind()) {}
const bool both = co_await a() && co_await b();
const bool both = a() && co_await b();
co_await a() || co_await b();
const auto pair = Pair{co_await a(), 1};
co_return {co_await a()};
auto list = {co_await a()};
take(co_await a());
CHECK(co_await a());
const auto n = *co_await a();
co_await f(co_await g());
co_await send(Message{1, 2});
co_await send({1, 2});
co_await run([&] { return x; });
co_await run([x = 1](int y) { return x + y; });
auto task = [x]() -> Task<> { co_await f(x); co_return Unit(); };
auto task = [&] { co_return Unit(); };
auto task = [&] { struct Code { int a; }; co_return Unit(); };
std::optional<Task<int>> task;
const int n = co_await f() ? 1 : 2;
total += co_await f();
NAL_CO_TRY(send({1, 2}));
NAL_CO_TRY_SET(auto n, run([&] { return x; }));
""".strip().splitlines()

ALLOWED = """
co_await f(1, g(2));
const auto n = co_await f();
const nal::Result<std::size_t> n = co_await nal::read(stream, std::span(buffer, 10));
n = co_await f<int, 3>(x);
self->member[i] = co_await f();
auto [a, b] = co_await join(f(), g());
co_return co_await f();
static_cast<void>(co_await f());
(void)co_await f();
if (x) { co_await f(); } else { co_await g(); }
for (int i = 0; i < n; ++i) { co_await f(i); }
switch (x) { case 1: co_await f(); break; default: co_await g(); }
co_await run([] { return 1; });
co_await run([](int x) { return Pair{x, 2}; });
auto task = [](int x) -> Task<> { co_await f(x); co_return Unit(); };
auto get = [&] { return x; };
Task<> f() { const Pair p{1, 2}; co_await g(p); }
Task<> f() noexcept { co_await g(); }
// if (co_await x) { }
const char* text = "if (co_await x)";
auto operator co_await() const noexcept { return Awaiter(this); }
NAL_CO_TRY(write_all(stream, text));
NAL_CO_TRY_SET(const auto n, read(stream, text));
TEST_CASE("it waits") { auto t = [](int n) -> Task<int> { co_return co_await f(n); }; CHECK(run(t(1)) == 1); }
co_await race(f(), g())->then(1);
run([&] { struct Code { static Task<> run(int n) { co_return co_await f(n); } }; start(Code::run, x); });
""".strip().splitlines()
