#include "backends/posix/resolver.hpp"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include "backends/posix/address.hpp"
#include "backends/posix/error.hpp"

namespace nal::posix {

struct ResolverRequest {
  enum class State : std::uint8_t {
    free,
    queued,     ///< waits for a helper thread
    running,    ///< a helper thread asks the system
    answered,   ///< the answer stands here for its owner
    abandoned,  ///< its owner has gone while it ran
  };
  static constexpr std::size_t kMaxName = 254;  // RFC 1035 §2.3.4, and a dot at the end

  State state = State::free;
  bool reverse = false;
  Family family = Family::any;
  char name[kMaxName + 1] = {};  // asked, or for a reverse lookup the answer
  IpAddress addresses[Resolver::kMaxAddresses];
  Result<std::size_t> answer = std::size_t{0};
  ResolverRequest* next = nullptr;
};

// Shared with the helper threads, which may outlive the resolver by one call of the system's: it goes with the last.
struct ResolverState {
  std::mutex mutex;
  std::condition_variable work;
  Event* answered = nullptr;  // null once the resolver is gone
  std::unique_ptr<ResolverRequest[]> requests;
  std::size_t request_count = 0;
  ResolverRequest* first = nullptr;  // queued
  ResolverRequest** last = &first;
  std::size_t queued = 0;
  std::size_t threads = 0;
  std::size_t idle = 0;
  std::size_t most_threads = 0;
  std::size_t owners = 1;
};

namespace {

using State = ResolverRequest::State;

Error error_from_eai(int number) noexcept {
  switch (number) {
    case EAI_NONAME:
#if defined(EAI_NODATA) && EAI_NODATA != EAI_NONAME
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
    case EAI_FAMILY: return Error::name_not_found;
    case EAI_AGAIN:
    case EAI_FAIL: return Error::name_service_failed;
    case EAI_MEMORY: return Error::no_memory;
#ifdef EAI_OVERFLOW
    case EAI_OVERFLOW: return Error::buffer_too_small;
#endif
    case EAI_SYSTEM: return errno == 0 ? Error::name_service_failed : error_from_errno(errno);
    default: return Error::name_service_failed;
  }
}

constexpr std::string_view kLocalhost = "localhost";

// RFC 6761 §6.3: "localhost" and every name under it is this host, and no name server is asked.
bool is_localhost(std::string_view name) noexcept {
  if (name.ends_with('.')) { name.remove_suffix(1); }
  if (name.size() < kLocalhost.size()) { return false; }
  const std::size_t offset = name.size() - kLocalhost.size();
  for (std::size_t i = 0; i < kLocalhost.size(); ++i) {
    if ((name[offset + i] | 0x20) != kLocalhost[i]) { return false; }
  }
  return offset == 0 || name[offset - 1] == '.';
}

Result<std::size_t> ask_addresses(ResolverRequest& request) noexcept {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;  // one entry an address
  hints.ai_family = request.family == Family::v4 ? AF_INET : request.family == Family::v6 ? AF_INET6 : AF_UNSPEC;
  addrinfo* list = nullptr;
  if (const int failed = ::getaddrinfo(request.name, nullptr, &hints, &list)) {
    return Unexpected(error_from_eai(failed));
  }
  std::size_t count = 0;
  for (const addrinfo* entry = list; entry && count < Resolver::kMaxAddresses; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) { continue; }
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    const IpAddress found = address.endpoint().address;
    bool known = false;
    for (std::size_t i = 0; i < count; ++i) { known = known || request.addresses[i] == found; }
    if (!known) { request.addresses[count++] = found; }
  }
  ::freeaddrinfo(list);
  if (count == 0) { return Unexpected(Error::name_not_found); }
  return count;
}

Result<std::size_t> ask_name(ResolverRequest& request) noexcept {
  const SocketAddress address(Endpoint(request.addresses[0], 0));
  char name[NI_MAXHOST];
  if (const int failed = ::getnameinfo(address.get(), address.length, name, sizeof name, nullptr, 0, NI_NAMEREQD)) {
    return Unexpected(error_from_eai(failed));
  }
  const std::size_t length = std::strlen(name);
  if (length > ResolverRequest::kMaxName) { return Unexpected(Error::name_service_failed); }
  std::memcpy(request.name, name, length + 1);
  return length;
}

void let_go(std::unique_lock<std::mutex>& lock, ResolverState* state) noexcept {
  const bool last = --state->owners == 0;
  lock.unlock();
  if (last) { delete state; }
}

void* help(void* argument) noexcept {
  auto* state = static_cast<ResolverState*>(argument);
  std::unique_lock lock(state->mutex);
  for (;;) {
    while (!state->first && state->answered) {
      ++state->idle;
      state->work.wait(lock);
      --state->idle;
    }
    if (!state->answered) { break; }
    ResolverRequest* request = state->first;
    state->first = request->next;
    if (!state->first) { state->last = &state->first; }
    --state->queued;
    request->state = State::running;
    lock.unlock();
    const auto answer = request->reverse ? ask_name(*request) : ask_addresses(*request);
    lock.lock();
    if (request->state == State::abandoned) {
      request->state = State::free;
      continue;
    }
    request->answer = answer;
    request->state = State::answered;
    if (state->answered) { state->answered->raise(); }
  }
  let_go(lock, state);
  return nullptr;
}

// Detached, and deaf to signals, which are the program's threads' business.
Result<> start_thread(ResolverState& state) noexcept {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) { return Unexpected(Error::no_memory); }
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failed = ::pthread_create(&thread, &attributes, &help, &state);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (failed != 0) { return Unexpected(Error::no_memory); }
  ++state.threads;
  ++state.owners;
  return {};
}

}  // namespace

Resolver::Resolver(Executor& executor, std::size_t requests, std::size_t threads) noexcept
    : answered_(executor), state_(new(std::nothrow) ResolverState) {
  if (!state_) { return; }
  state_->answered = &answered_;
  state_->requests.reset(new (std::nothrow) ResolverRequest[requests]);
  state_->request_count = state_->requests ? requests : 0;
  state_->most_threads = threads;
}

Resolver::~Resolver() {
  if (!state_) { return; }
  std::unique_lock lock(state_->mutex);
  for (std::size_t i = 0; i < state_->request_count; ++i) {
    NAL_ASSERT(state_->requests[i].state == State::free || state_->requests[i].state == State::abandoned);
  }
  state_->answered = nullptr;
  state_->work.notify_all();
  let_go(lock, state_);
}

Result<ResolverRequest*> Resolver::take() noexcept {
  if (!state_) { return Unexpected(Error::no_memory); }
  std::unique_lock lock(state_->mutex);
  for (std::size_t i = 0; i < state_->request_count; ++i) {
    ResolverRequest& request = state_->requests[i];
    if (request.state == State::free) {
      request.state = State::answered;  // the caller's, and no thread's
      return &request;
    }
  }
  return Unexpected(Error::table_full);
}

void Resolver::give_back(ResolverRequest& request) noexcept {
  std::unique_lock lock(state_->mutex);
  if (request.state == State::running) {
    request.state = State::abandoned;
    return;
  }
  if (request.state == State::queued) {
    ResolverRequest** link = &state_->first;
    while (*link != &request) { link = &(*link)->next; }
    *link = request.next;
    if (!request.next) { state_->last = link; }
    --state_->queued;
  }
  request.state = State::free;
}

Result<> Resolver::submit(ResolverRequest& request) noexcept {
  std::unique_lock lock(state_->mutex);
  // An idle thread that was woken for another question, but does not run yet, still counts as idle.
  if (state_->idle <= state_->queued && state_->threads < state_->most_threads) {
    const Result<> started = start_thread(*state_);
    if (!started && state_->threads == 0) { return started; }
  }
  request.state = State::queued;
  request.next = nullptr;
  *state_->last = &request;
  state_->last = &request.next;
  ++state_->queued;
  state_->work.notify_one();
  return {};
}

namespace {
constexpr std::size_t kMaxLabel = 63;
}

Result<Resolver::Lookup> Resolver::start_lookup(std::string_view name, Family family) noexcept {
  if (name.empty() || name.size() > ResolverRequest::kMaxName) { return Unexpected(Error::invalid_argument); }
  std::size_t label = 0;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) <= ' ') { return Unexpected(Error::invalid_argument); }
    label = c == '.' ? 0 : label + 1;
    // RFC 1035 §2.3.4, which the system's resolver would call a name that does not exist.
    if (label > kMaxLabel) { return Unexpected(Error::invalid_argument); }
  }
  NAL_TRY_SET(ResolverRequest * request, take());
  Lookup lookup(*this, *request);
  request->reverse = false;
  request->family = family;
  if (const auto literal = IpAddress::parse(name)) {
    request->addresses[0] = *literal;
    request->answer = literal->is(family) ? Result<std::size_t>(std::size_t{1}) : Unexpected(Error::name_not_found);
    return lookup;
  }
  if (is_localhost(name)) {
    std::size_t count = 0;
    if (family != Family::v4) { request->addresses[count++] = IpAddress::loopback(Family::v6); }
    if (family != Family::v6) { request->addresses[count++] = IpAddress::loopback(Family::v4); }
    request->answer = count;
    return lookup;
  }
  std::memcpy(request->name, name.data(), name.size());
  request->name[name.size()] = '\0';
  NAL_TRY(submit(*request));
  return lookup;
}

Result<Resolver::ReverseLookup> Resolver::start_reverse_lookup(const IpAddress& address) noexcept {
  NAL_TRY_SET(ResolverRequest * request, take());
  ReverseLookup lookup(*this, *request);
  request->reverse = true;
  request->addresses[0] = address;
  // The way back from "localhost": a bare system has no hosts file that knows it.
  if (address == IpAddress::loopback(Family::v4) || address == IpAddress::loopback(Family::v6)) {
    std::memcpy(request->name, kLocalhost.data(), kLocalhost.size());
    request->answer = kLocalhost.size();
    return lookup;
  }
  NAL_TRY(submit(*request));
  return lookup;
}

Resolver::Question::Question(Question&& other) noexcept : resolver_(other.resolver_), request_(other.request_) {
  other.request_ = nullptr;
}

Resolver::Question& Resolver::Question::operator=(Question&& other) noexcept {
  if (this != &other) {
    drop();
    resolver_ = other.resolver_;
    request_ = other.request_;
    other.request_ = nullptr;
  }
  return *this;
}

void Resolver::Question::drop() noexcept {
  if (request_) { resolver_->give_back(*request_); }
  request_ = nullptr;
}

Poll<Result<std::size_t>> Resolver::Question::poll_answer(Context& context, Waiter& waiter) noexcept {
  if (!request_) { return Unexpected(Error::closed); }
  for (;;) {
    {
      std::unique_lock lock(resolver_->state_->mutex);
      if (request_->state == State::answered) { return request_->answer; }
    }
    // The event is every question's: it may have been raised for another.
    if (!resolver_->answered_.poll_raised(context, waiter, Wait::name).ready()) { return pending; }
  }
}

Poll<Result<std::size_t>> Resolver::Lookup::poll_addresses(Context& context, Waiter& waiter,
                                                           std::span<IpAddress> out) noexcept {
  auto answer = poll_answer(context, waiter);
  if (!answer.ready() || !*answer) { return answer; }
  const std::size_t count = **answer < out.size() ? **answer : out.size();
  for (std::size_t i = 0; i < count; ++i) { out[i] = request_->addresses[i]; }
  return count;
}

Poll<Result<std::size_t>> Resolver::ReverseLookup::poll_name(Context& context, Waiter& waiter,
                                                             std::span<char> out) noexcept {
  auto answer = poll_answer(context, waiter);
  if (!answer.ready() || !*answer) { return answer; }
  if (**answer > out.size()) { return Unexpected(Error::buffer_too_small); }
  std::memcpy(out.data(), request_->name, **answer);
  return **answer;
}

}  // namespace nal::posix
