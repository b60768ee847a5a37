#include "tests/support/fake_dns.hpp"

#include <algorithm>

namespace nal::test {

namespace {

bool is_possible(std::string_view name) {
  if (!name.empty() && name.back() == '.') { name.remove_suffix(1); }
  if (name.empty() || name.size() > 253 || name.find('\0') != name.npos) { return false; }
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('.', start), name.size());
    if (end == start || end - start > 63) { return false; }
    start = end + 1;
  }
  return true;
}

}  // namespace

Result<FakeLookup> FakeDns::start_lookup(std::string_view name, Family family) noexcept {
  const auto literal = IpAddress::parse(name);
  if (!literal && !is_possible(name)) { return Unexpected(Error::invalid_argument); }
  NAL_TRY_SET(const std::uint16_t index, take());
  Slot& slot = slots_[index];
  slot.ready_at = host_.now();
  if (literal) {
    if (literal->is(family)) { slot.addresses.push_back(*literal); }
  } else if (name == "localhost") {
    for (const Family one : {Family::v6, Family::v4}) {
      if (host_.can_reach(one) && IpAddress::loopback(one).is(family)) {
        slot.addresses.push_back(IpAddress::loopback(one));
      }
    }
  } else {
    if (family != Family::v4) { add_answer(slot, std::string(name), Family::v6); }
    if (family != Family::v6) { add_answer(slot, std::string(name), Family::v4); }
  }
  if (!slot.addresses.empty()) {
    slot.error = Error{};
  } else if (slot.error == Error{}) {
    slot.error = Error::name_not_found;
  }
  return FakeLookup(*this, index, slot.generation);
}

void FakeDns::add_answer(Slot& slot, const std::string& name, Family family) {
  const auto found = answers_.find({name, family});
  if (found == answers_.end()) { return; }
  const Answer& answer = found->second;
  slot.ready_at = std::max(slot.ready_at, host_.now() + answer.delay);
  if (answer.error != Error{}) {
    slot.error = answer.error;
    return;
  }
  slot.addresses.insert(slot.addresses.end(), answer.addresses.begin(), answer.addresses.end());
}

Result<FakeReverseLookup> FakeDns::start_reverse_lookup(const IpAddress& address) noexcept {
  NAL_TRY_SET(const std::uint16_t index, take());
  Slot& slot = slots_[index];
  slot.ready_at = host_.now() + reverse_delay;
  const auto found = names_.find(address);
  if (found != names_.end()) {
    slot.name = found->second;
  } else if (address.is_loopback()) {
    slot.name = "localhost";
  } else {
    slot.error = Error::name_not_found;
  }
  return FakeReverseLookup(*this, index, slot.generation);
}

Result<std::uint16_t> FakeDns::take() noexcept {
  ++asked_;
  if (!host_.allocate()) { return Unexpected(Error::no_memory); }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].used) { continue; }
    slots_[i].used = true;
    return static_cast<std::uint16_t>(i);
  }
  return Unexpected(Error::table_full);
}

FakeDns::Slot* FakeDns::find(std::uint16_t slot, std::uint16_t generation) noexcept {
  return slots_[slot].generation == generation ? &slots_[slot] : nullptr;
}

void FakeDns::release(Slot& slot) noexcept {
  slot.answered.wake_all();
  slot.used = false;
  ++slot.generation;
  slot.addresses.clear();
  slot.name.clear();
  slot.error = Error{};
}

bool FakeDns::step() noexcept {
  bool moved = false;
  for (Slot& slot : slots_) {
    if (slot.used && host_.now() >= slot.ready_at && !slot.answered.empty()) {
      slot.answered.wake_all();
      moved = true;
    }
  }
  return moved;
}

Instant FakeDns::next_event() const noexcept {
  Instant next = Instant::max();
  for (const Slot& slot : slots_) {
    if (slot.used && !slot.answered.empty()) { next = std::min(next, slot.ready_at); }
  }
  return next;
}

std::size_t FakeDns::slots_in_use() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.used; }));
}

bool FakeDns::nobody_waits() const noexcept {
  return std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.answered.empty(); });
}

FakeDns::Slot* FakeDns::ready(const FakeQuestion& question, Context& context, Waiter& waiter) noexcept {
  Slot* slot = find(question.slot_, question.generation_);
  NAL_ASSERT(slot);
  if (host_.now() >= slot->ready_at && !host_.hiccups(context)) { return slot; }
  slot->answered.add(context, waiter, Wait::name);
  return nullptr;
}

FakeQuestion& FakeQuestion::operator=(FakeQuestion&& other) noexcept {
  if (this != &other) {
    drop();
    dns_ = std::exchange(other.dns_, nullptr);
    slot_ = other.slot_;
    generation_ = other.generation_;
  }
  return *this;
}

void FakeQuestion::drop() noexcept {
  FakeDns* dns = std::exchange(dns_, nullptr);
  if (!dns) { return; }
  if (auto* slot = dns->find(slot_, generation_)) { dns->release(*slot); }
}

Poll<Result<std::size_t>> FakeLookup::poll_addresses(Context& context, Waiter& waiter,
                                                     std::span<IpAddress> out) noexcept {
  if (!dns_) { return Unexpected(Error::closed); }
  auto* slot = dns_->ready(*this, context, waiter);
  if (!slot) { return pending; }
  if (slot->error != Error{}) { return Unexpected(slot->error); }
  const std::size_t n = std::min(out.size(), slot->addresses.size());
  std::copy_n(slot->addresses.begin(), n, out.begin());
  return n;
}

Poll<Result<std::size_t>> FakeReverseLookup::poll_name(Context& context, Waiter& waiter, std::span<char> out) noexcept {
  if (!dns_) { return Unexpected(Error::closed); }
  auto* slot = dns_->ready(*this, context, waiter);
  if (!slot) { return pending; }
  if (slot->error != Error{}) { return Unexpected(slot->error); }
  if (slot->name.size() > out.size()) { return Unexpected(Error::buffer_too_small); }
  std::copy(slot->name.begin(), slot->name.end(), out.begin());
  return slot->name.size();
}

}  // namespace nal::test
