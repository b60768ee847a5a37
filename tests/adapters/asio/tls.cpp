// Asio's own TLS over nal: between two embedded stacks, and over TAP with what openssl itself runs.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <spawn.h>
#include <sys/wait.h>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/read_until.hpp>
#include <asio/ssl.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "backends/drivers/linux/tap.hpp"
#include "nal/hosted/entropy.hpp"
#include "tests/adapters/asio/world.hpp"
#include "tests/backends/posix/own_network.hpp"

extern char** environ;

namespace {

using namespace nal;
using namespace nal::test;
namespace ssl = ::asio::ssl;

/// A key and a certificate for 10.0.0.2 that signs itself, as PEM.
struct Identity {
  std::string key;
  std::string certificate;
  Identity() {
    EVP_PKEY* const pair = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    X509* const made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, pair);
    X509_NAME* const name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("nal"), -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_sign(made, pair, EVP_sha256());
    key = pem([pair](BIO* out) { PEM_write_bio_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr); });
    certificate = pem([made](BIO* out) { PEM_write_bio_X509(out, made); });
    X509_free(made);
    EVP_PKEY_free(pair);
  }

 private:
  template <class Write>
  static std::string pem(Write write) {
    BIO* const out = BIO_new(BIO_s_mem());
    write(out);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(out);
    return text;
  }
};

struct Contexts {
  ssl::context server{ssl::context::tls_server};
  ssl::context client{ssl::context::tls_client};
  explicit Contexts(const Identity& identity) {
    server.use_certificate_chain(::asio::buffer(identity.certificate));
    server.use_private_key(::asio::buffer(identity.key), ssl::context::pem);
    client.add_certificate_authority(::asio::buffer(identity.certificate));
    client.set_verify_mode(ssl::verify_peer);
  }
};

template <class S>
::asio::awaitable<void> answer_lines(ssl::stream<S> stream, ErrorCode& end) {
  std::string line;
  try {
    co_await stream.async_handshake(ssl::stream_base::server, ::asio::use_awaitable);
    for (;;) {
      const std::size_t size =
          co_await ::asio::async_read_until(stream, ::asio::dynamic_buffer(line), '\n', ::asio::use_awaitable);
      std::string answer(line.rbegin() + static_cast<std::ptrdiff_t>(line.size() - size + 1), line.rend());
      answer += '\n';
      line.erase(0, size);
      co_await ::asio::async_write(stream, ::asio::buffer(answer), ::asio::use_awaitable);
    }
  } catch (const ::asio::system_error& error) { end = error.code(); }
}

template <class S, class N>
::asio::awaitable<void> ask(ssl::stream<S>& stream, N& stack, ::asio::ip::tcp::endpoint server, std::string question,
                            std::string& answer) {
  co_await stream.lowest_layer().async_connect(stack, server, ::asio::use_awaitable);
  co_await stream.async_handshake(ssl::stream_base::client, ::asio::use_awaitable);
  co_await ::asio::async_write(stream, ::asio::buffer(question), ::asio::use_awaitable);
  co_await ::asio::async_read_until(stream, ::asio::dynamic_buffer(answer), '\n', ::asio::use_awaitable);
  try {
    co_await stream.async_shutdown(::asio::use_awaitable);
  } catch (const ::asio::system_error&) {}  // some peers close without a word
  stream.lowest_layer().close();
}

TEST_CASE("asio::ssl::stream works between two embedded stacks, by coroutines", "[asio]") {
  const Identity identity;
  Contexts contexts(identity);
  EmbeddedWorld world;
  auto acceptor = listen(world);
  ErrorCode end;
  acceptor.async_accept([&](ErrorCode error, StreamOf<EmbeddedWorld> peer) {
    REQUIRE(!error);
    ::asio::co_spawn(world.context,
                     answer_lines(ssl::stream<StreamOf<EmbeddedWorld>>(std::move(peer), contexts.server), end),
                     ::asio::detached);
  });
  ssl::stream<StreamOf<EmbeddedWorld>> client(StreamOf<EmbeddedWorld>(world.loop), contexts.client);
  std::string answer;
  // Several records, and windows that fill.
  const std::string question = std::string(100'000, 'q') + "!\n";
  ::asio::co_spawn(world.context, ask(client, world.client(), acceptor.local_endpoint(), question, answer),
                   ::asio::detached);
  world.context.run();
  CHECK(answer == "!" + std::string(100'000, 'q') + "\n");
  CHECK(end == ::asio::error::eof);
}

TEST_CASE("asio::ssl::stream works between two embedded stacks, by callbacks, and refuses strangers", "[asio]") {
  const Identity identity;
  const Identity stranger;
  Contexts contexts(identity);
  Contexts others(stranger);
  EmbeddedWorld world;
  auto acceptor = listen(world);
  ErrorCode end;
  acceptor.async_accept([&](ErrorCode error, StreamOf<EmbeddedWorld> peer) {
    REQUIRE(!error);
    ::asio::co_spawn(world.context,
                     answer_lines(ssl::stream<StreamOf<EmbeddedWorld>>(std::move(peer), contexts.server), end),
                     ::asio::detached);
  });
  ssl::stream<StreamOf<EmbeddedWorld>> client(StreamOf<EmbeddedWorld>(world.loop), others.client);
  ErrorCode told;
  client.lowest_layer().async_connect(world.client(), acceptor.local_endpoint(), [&](ErrorCode error) {
    REQUIRE(!error);
    client.async_handshake(ssl::stream_base::client, [&](ErrorCode failure) {
      told = failure;
      client.lowest_layer().close();
    });
  });
  world.context.run();
  CHECK(told.category() == ::asio::error::get_ssl_category());
  CHECK(end);
}

/// An embedded stack at 10.9.0.2 on a TAP interface whose other end is the kernel's, at 10.9.0.1.
struct TapWorld {
  using Stack = embedded::Stack;
  static constexpr embedded::Config kConfig{.packets = 64};
  static constexpr embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  OwnNetwork network;
  ::asio::io_context context;
  posix::Reactor reactor;
  Loop loop{context.get_executor(), reactor};
  drivers::Tap tap{reactor, {.name = "nal0"}};
  embedded::Resources<kConfig> memory;
  Stack stack{loop.executor(), memory, system_entropy(), kSettings};
  std::optional<with_asio::Drive<Stack>> drive;
  Loop::Closing closing{loop};

  TapWorld() {
    if (!tap.status()) { SKIP("no TUN driver here"); }
    network.ip("link set nal0 up");
    network.add_address("nal0", "10.9.0.1/24");
    const InterfaceId interface = stack.add_interface(tap).value();
    REQUIRE(stack.add_address(interface, Cidr("10.9.0.2"_ip, 24)));
    drive.emplace(loop, stack);
  }
};

/// A program that ends with this.
class Child {
 public:
  Child(std::vector<std::string> words, const std::string& said) {
    std::vector<char*> arguments;
    for (std::string& word : words) { arguments.push_back(word.data()); }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, 1, said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::posix_spawn_file_actions_adddup2(&files, 1, 2);
    if (::posix_spawnp(&pid_, arguments[0], &files, nullptr, arguments.data(), environ) != 0) { pid_ = -1; }
    ::posix_spawn_file_actions_destroy(&files);
  }
  Child(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  bool started() const { return pid_ > 0; }
  /// Ended by itself, without an error.
  bool ended_well() {
    int status = -1;
    const bool waited = ::waitpid(pid_, &status, 0) == pid_;
    pid_ = -1;
    return waited && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  pid_t pid_ = -1;
};

/// A folder of the test's own, with the identity in it.
struct Folder {
  std::filesystem::path path;
  explicit Folder(const Identity& identity) {
    std::string name = (std::filesystem::temp_directory_path() / "nal-asio-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    path = name;
    std::ofstream(path / "key.pem") << identity.key;
    std::ofstream(path / "certificate.pem") << identity.certificate;
  }
  Folder(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};

bool has_openssl() { return std::system("openssl version > /dev/null 2>&1") == 0; }

TEST_CASE("asio::ssl::stream over the embedded stack on TAP asks openssl's server", "[asio]") {
  if (!has_openssl()) { SKIP("no openssl program here"); }
  const Identity identity;
  Contexts contexts(identity);
  const Folder folder(identity);
  TapWorld world;
  const Child server({"openssl", "s_server", "-quiet", "-rev", "-accept", "10.9.0.1:4433", "-key", folder / "key.pem",
                      "-cert", folder / "certificate.pem"},
                     folder / "said");
  REQUIRE(server.started());
  std::string answer;
  // Until the server has started, connecting is refused.
  for (unsigned attempt = 0; answer.empty() && attempt < 500; ++attempt) {
    ssl::stream<with_asio::Stream<embedded::TcpStream>> client(with_asio::Stream<embedded::TcpStream>(world.loop),
                                                               contexts.client);
    ErrorCode refused;
    ::asio::co_spawn(world.context,
                     ask(client, world.stack, {::asio::ip::make_address("10.9.0.1"), 4433}, "over the wire\n", answer),
                     [&refused](std::exception_ptr failure) {
                       if (failure) {
                         try {
                           std::rethrow_exception(failure);
                         } catch (const ::asio::system_error& error) { refused = error.code(); }
                       }
                     });
    world.context.restart();
    world.context.run();
    if (refused) { CHECK(refused == ::asio::error::connection_refused); }
    if (refused) { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }
  }
  CHECK(answer == "eriw eht revo\n");
}

TEST_CASE("asio::ssl::stream over the embedded stack on TAP answers openssl's client", "[asio]") {
  if (!has_openssl()) { SKIP("no openssl program here"); }
  const Identity identity;
  Contexts contexts(identity);
  const Folder folder(identity);
  TapWorld world;
  with_asio::Acceptor<embedded::TcpListener> acceptor(world.loop, [&world] {
    const Loop::Turn turn(world.loop);
    return world.stack.listen("10.9.0.2:4433"_endpoint, {}).value();
  }());
  ErrorCode end;
  acceptor.async_accept([&](ErrorCode error, with_asio::Stream<embedded::TcpStream> peer) {
    REQUIRE(!error);
    ::asio::co_spawn(world.context, answer_lines(ssl::stream<decltype(peer)>(std::move(peer), contexts.server), end),
                     ::asio::detached);
  });
  Child client({"openssl", "s_client", "-connect", "10.9.0.2:4433", "-CAfile", folder / "certificate.pem",
                "-verify_return_error"},
               folder / "said");
  REQUIRE(client.started());
  world.context.run();
  CHECK(client.ended_well());
  CHECK(end == ::asio::error::eof);  // its close_notify, told from a bare end
}

}  // namespace
