#include "tests/backends/posix/system_resolver.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "backends/posix/address.hpp"
#include "nal/assert.hpp"
#include "nal/hosted/format.hpp"

namespace nal::test {

namespace {

std::mutex mutex;
std::condition_variable changed;
// All of it under the mutex.
bool standing_in = false;
std::map<std::string, SystemResolver::Answer> answers;
std::vector<std::string> questions;
std::size_t running = 0;
std::size_t most = 0;
int last_family = 0;

// One list entry with its address.
struct Entry {
  addrinfo info{};
  posix::SocketAddress address;
};

SystemResolver::Answer ask(const std::string& name) {
  std::unique_lock lock(mutex);
  questions.push_back(name);
  ++running;
  most = std::max(most, running);
  changed.notify_all();
  SystemResolver::Answer answer{.error = EAI_NONAME};
  changed.wait(lock, [&] {
    const auto found = answers.find(name);
    if (found != answers.end()) { answer = found->second; }
    return !answer.stuck;
  });
  --running;
  changed.notify_all();
  return answer;
}

bool in_place() {
  const std::scoped_lock lock(mutex);
  return standing_in;
}

}  // namespace

SystemResolver::SystemResolver() {
  const std::scoped_lock lock(mutex);
  NAL_ASSERT(!standing_in && running == 0);
  standing_in = true;
  answers.clear();
  questions.clear();
  most = 0;
}

SystemResolver::~SystemResolver() {
  std::unique_lock lock(mutex);
  for (auto& [name, answer] : answers) { answer.stuck = false; }
  changed.notify_all();
  changed.wait(lock, [] { return running == 0; });
  standing_in = false;
}

void SystemResolver::answer(const std::string& name, Answer answer) {
  const std::scoped_lock lock(mutex);
  answers[name] = std::move(answer);
}

void SystemResolver::let_go(const std::string& name) {
  const std::scoped_lock lock(mutex);
  answers[name].stuck = false;
  changed.notify_all();
}

bool SystemResolver::wait_for_running(std::size_t count) {
  std::unique_lock lock(mutex);
  return changed.wait_for(lock, std::chrono::seconds(10), [&] { return running == count; });
}

std::size_t SystemResolver::most_at_once() const {
  const std::scoped_lock lock(mutex);
  return most;
}
std::vector<std::string> SystemResolver::asked() const {
  const std::scoped_lock lock(mutex);
  return questions;
}
int SystemResolver::family() const {
  const std::scoped_lock lock(mutex);
  return last_family;
}

extern "C" int __real_getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** list);
extern "C" int __wrap_getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** list);
extern "C" int __wrap_getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** list) {
  if (!in_place()) { return __real_getaddrinfo(name, service, hints, list); }
  const auto answer = ask(name);
  {
    const std::scoped_lock lock(mutex);
    last_family = hints->ai_family;
  }
  if (answer.error != 0) {
    errno = answer.system_error;
    return answer.error;
  }
  *list = nullptr;
  addrinfo** link = list;
  for (const IpAddress& address : answer.addresses) {
    auto entry = std::make_unique<Entry>();
    entry->address = posix::SocketAddress(Endpoint(address, 0));
    entry->info.ai_family = posix::address_family(address);
    entry->info.ai_socktype = SOCK_STREAM;
    entry->info.ai_addr = entry->address.get();
    entry->info.ai_addrlen = entry->address.length;
    *link = &entry.release()->info;
    link = &(*link)->ai_next;
  }
  return 0;
}

extern "C" void __real_freeaddrinfo(addrinfo* list);
extern "C" void __wrap_freeaddrinfo(addrinfo* list);
extern "C" void __wrap_freeaddrinfo(addrinfo* list) {
  if (!in_place()) {
    __real_freeaddrinfo(list);
    return;
  }
  while (list) {
    addrinfo* next = list->ai_next;
    delete reinterpret_cast<Entry*>(list);  // its first member
    list = next;
  }
}

extern "C" int __real_getnameinfo(const sockaddr* address, socklen_t length, char* host, socklen_t host_size,
                                  char* service, socklen_t service_size, int flags);
extern "C" int __wrap_getnameinfo(const sockaddr* address, socklen_t length, char* host, socklen_t host_size,
                                  char* service, socklen_t service_size, int flags);
extern "C" int __wrap_getnameinfo(const sockaddr* address, socklen_t length, char* host, socklen_t host_size,
                                  char* service, socklen_t service_size, int flags) {
  if (!in_place()) { return __real_getnameinfo(address, length, host, host_size, service, service_size, flags); }
  posix::SocketAddress asked;
  std::memcpy(asked.get(), address, length);
  const auto answer = ask(to_string(asked.endpoint().address));
  if (answer.error != 0) {
    errno = answer.system_error;
    return answer.error;
  }
  if (answer.name.size() >= host_size) { return EAI_OVERFLOW; }
  std::memcpy(host, answer.name.c_str(), answer.name.size() + 1);
  return 0;
}

}  // namespace nal::test
