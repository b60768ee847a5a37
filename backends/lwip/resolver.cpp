#include "backends/lwip/resolver.hpp"

#if LWIP_DNS
#include <lwip/dns.h>
#include <lwip/sys.h>

#include <algorithm>
#include <cstring>

#include "backends/lwip/address.hpp"

namespace nal::lwip {

namespace {

/// lwIP asks a server DNS_MAX_RETRIES times, ever more patiently, by a timer of a second.
constexpr std::uint32_t kAllTries = (1 + (DNS_MAX_RETRIES - 1) * DNS_MAX_RETRIES / 2 - 1) * 1000;

// What lwIP hands back to its callback: there is no taking a question back, so it may come when the place has another.
constexpr unsigned kFamilyBit = 1;
constexpr unsigned kIndexBits = 8;
static_assert(Resolver::kQuestions < 1u << (kIndexBits - 1));

void* name_of(std::size_t index, const DnsQuestion& question, Family family) noexcept {
  const std::uintptr_t packed =
      std::uintptr_t{question.generation} << kIndexBits | index << 1 | (family == Family::v6 ? kFamilyBit : 0);
  return reinterpret_cast<void*>(packed);  // NOLINT(performance-no-int-to-ptr): an argument, never a pointer
}

}  // namespace

Resolver* Resolver::instance_ = nullptr;

Resolver::Resolver(Stack& stack) noexcept : core_(stack.core()) {
  NAL_ASSERT(!instance_);
  const CoreLock lock;
  instance_ = this;
}

Resolver::~Resolver() {
  const CoreLock lock;
  instance_ = nullptr;
}

Result<> Resolver::set_servers(std::span<const IpAddress> servers) noexcept {
  if (servers.size() > DNS_MAX_SERVERS) { return Unexpected(Error::table_full); }
  std::array<ip_addr_t, DNS_MAX_SERVERS> all{};
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (!to_lwip(servers[i], all[i])) { return Unexpected(Error::not_supported); }
  }
  const CoreLock lock;
  for (std::size_t i = 0; i < all.size(); ++i) { dns_setserver(static_cast<u8_t>(i), &all[i]); }
  return {};
}

/// One family's part of a question; lwIP may know the answer at once, and calls nobody back then.
Result<> Resolver::ask(DnsQuestion& question, const char* name, Family family) noexcept {
  const bool v6 = family == Family::v6;
  const auto index = static_cast<std::size_t>(&question - questions_.data());
  ip_addr_t known;
  const err_t error = dns_gethostbyname_addrtype(name, &known, &on_found, name_of(index, question, family),
                                                 v6 ? LWIP_DNS_ADDRTYPE_IPV6 : LWIP_DNS_ADDRTYPE_IPV4);
  switch (error) {
    case ERR_OK:
      (v6 ? question.v6 : question.v4) = from_lwip(known);
      v6 ? question.found_v6 = true : question.found_v4 = true;
      return {};
    case ERR_INPROGRESS: v6 ? question.open_v6 = true : question.open_v4 = true; return {};
    case ERR_VAL: return Unexpected(Error::name_service_failed);
    case ERR_ARG: return Unexpected(Error::invalid_argument);
    default: return Unexpected(Error::table_full);
  }
}

Result<Resolver::Lookup> Resolver::start_lookup(std::string_view name, Family family) noexcept {
  const auto literal = IpAddress::parse(name);
  if (literal && !literal->is(family)) { return Unexpected(Error::name_not_found); }
  std::array<char, DNS_MAX_NAME_LENGTH> text;
  if (name.empty() || name.size() >= text.size() || name.find('\0') != std::string_view::npos) {
    return Unexpected(Error::invalid_argument);
  }
  std::memcpy(text.data(), name.data(), name.size());
  text[name.size()] = '\0';
  const CoreLock lock;
  const auto question = std::find_if(questions_.begin(), questions_.end(), [](const auto& one) { return !one.used; });
  if (question == questions_.end()) { return Unexpected(Error::table_full); }
  question->used = true;
  question->asked = sys_now();
  Lookup lookup(*this, static_cast<std::uint16_t>(question - questions_.begin()), question->generation);
  Result<> started;
  if (literal) {
    (literal->is_v6() ? question->v6 : question->v4) = *literal;
    literal->is_v6() ? question->found_v6 = true : question->found_v4 = true;
  } else {
    if (LWIP_IPV6 && family != Family::v4) { started = ask(*question, text.data(), Family::v6); }
    if (started && LWIP_IPV4 && family != Family::v6) { started = ask(*question, text.data(), Family::v4); }
  }
  if (!started) {
    // Not by the handle's end, which would take the lock again.
    release(*question);
    lookup.resolver_ = nullptr;
    return Unexpected(started.error());
  }
  return lookup;
}

void Resolver::on_found(const char* /*name*/, const ip_addr_t* address, void* argument) noexcept {
  const auto packed = reinterpret_cast<std::uintptr_t>(argument);
  const std::size_t index = (packed & ((1u << kIndexBits) - 1)) >> 1;
  if (!instance_ || index >= kQuestions) { return; }
  DnsQuestion& question = instance_->questions_[index];
  if (!question.used || question.generation != static_cast<std::uint16_t>(packed >> kIndexBits)) { return; }
  const bool v6 = (packed & kFamilyBit) != 0;
  v6 ? question.open_v6 = false : question.open_v4 = false;
  if (address) {
    (v6 ? question.v6 : question.v4) = from_lwip(*address);
    v6 ? question.found_v6 = true : question.found_v4 = true;
  }
  instance_->core_.ring(question.answered);
}

void Resolver::release(DnsQuestion& question) noexcept {
  question.used = question.open_v4 = question.open_v6 = question.found_v4 = question.found_v6 = false;
  ++question.generation;
}

std::size_t Resolver::in_use() const noexcept {
  const CoreLock lock;
  return static_cast<std::size_t>(
      std::count_if(questions_.begin(), questions_.end(), [](auto& one) { return one.used; }));
}

Resolver::Lookup::~Lookup() {
  if (!resolver_) { return; }
  const CoreLock lock;
  DnsQuestion& question = resolver_->questions_[index_];
  if (question.generation == generation_) { resolver_->release(question); }
}

Poll<Result<std::size_t>> Resolver::Lookup::poll_addresses(Context& context, Waiter& waiter,
                                                           std::span<IpAddress> out) noexcept {
  if (!resolver_) { return Unexpected(Error::closed); }
  const CoreLock lock;
  DnsQuestion& question = resolver_->questions_[index_];
  if (question.open_v4 || question.open_v6) {
    question.answered.waiters.add(context, waiter, Wait::name);
    return pending;
  }
  std::size_t count = 0;
  if (question.found_v6 && count < out.size()) { out[count++] = question.v6; }
  if (question.found_v4 && count < out.size()) { out[count++] = question.v4; }
  if (question.found_v6 || question.found_v4) { return count; }
  return Unexpected(sys_now() - question.asked >= kAllTries ? Error::timed_out : Error::name_not_found);
}

}  // namespace nal::lwip
#endif
