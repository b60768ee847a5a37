// IGMP and MLD messages of arbitrary bytes, the former with their checksum put right: the views stay within them, every
// record that was counted is there, and reports are written again so that they are read the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/embedded/wire/igmp.hpp"
#include "backends/embedded/wire/mld.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal::embedded::wire;
using nal::fuzz::require;
using Bytes = std::vector<std::byte>;

template <std::size_t kAddressSize>
void records(GroupRecords<kAddressSize> walk, std::size_t count, GroupReportWriter<kAddressSize>& writer) {
  std::size_t seen = 0;
  while (const auto record = walk.next()) {
    ++seen;
    for (std::size_t i = 0; i < record->sources.size(); ++i) { require(record->sources[i].size() == kAddressSize); }
    require(writer.add(record->type, record->group, record->sources.bytes()));
  }
  require(seen == count && writer.count() == count);
}

template <std::size_t kAddressSize>
void same(GroupRecords<kAddressSize> a, GroupRecords<kAddressSize> b) {
  for (;;) {
    const auto first = a.next();
    const auto second = b.next();
    require(first.has_value() == second.has_value());
    if (!first) { return; }
    require(first->type == second->type && std::ranges::equal(first->group, second->group));
    require(std::ranges::equal(first->sources.bytes(), second->sources.bytes()));
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  const nal::Ipv6Address address(0xfe80, 0, 0, 0, 0, 0, 0, 1);
  if (const auto view = MldView::parse(bytes)) {
    if (view->type() == Icmpv6Type::multicast_listener_query) {
      require(view->sources().size() * 16 <= size && view->version() >= 1 && view->version() <= 2);
      static_cast<void>(view->max_response_time());
      static_cast<void>(view->query_interval());
    }
    if (view->type() == Icmpv6Type::multicast_listener_report_v2) {
      Bytes out(size);
      Mldv2ReportWriter writer(out);
      records(view->records(), load_be16(&bytes[6]), writer);
      const auto report = writer.finish(bytes_of(address), bytes_of(address));
      require(report.empty() == (writer.count() == 0));
      if (!report.empty()) { same(view->records(), MldView::parse(report)->records()); }
    } else {
      require(to_ipv6(view->group()).bytes().size() == 16);
    }
  }
  if (size < 4) { return 0; }
  store_be16(&bytes[2], 0);
  store_be16(&bytes[2], sum(bytes).checksum());
  if (const auto view = IgmpView::parse(bytes)) {
    if (view->type() == IgmpType::query) {
      require(view->sources().size() * 4 <= size && view->version() >= 1 && view->version() <= 3);
      static_cast<void>(view->max_response_time());
      static_cast<void>(view->query_interval());
    }
    if (view->type() == IgmpType::report_v3) {
      Bytes out(size);
      Igmpv3ReportWriter writer(out);
      records(view->records(), load_be16(&bytes[6]), writer);
      const auto report = writer.finish();
      require(report.empty() == (writer.count() == 0));
      if (!report.empty()) { same(view->records(), IgmpView::parse(report)->records()); }
    }
  }
  return 0;
}
