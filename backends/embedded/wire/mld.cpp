#include "backends/embedded/wire/mld.hpp"

namespace nal::embedded::wire {
namespace {

void put_checksum(std::span<std::byte> message, Ipv6Bytes source, Ipv6Bytes destination) noexcept {
  const Sum pseudo = pseudo_header_sum(source, destination, kIcmpv6Protocol, message.size());
  store_be16(message.data() + 2, (pseudo + sum(message)).checksum());
}

}  // namespace

std::optional<MldView> MldView::parse(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < kIcmpHeaderSize) { return std::nullopt; }
  const MldView view(bytes);
  switch (view.type()) {
    case Icmpv6Type::multicast_listener_query:
      // RFC 3810 §8.1: between 24 and 28 bytes it is no query of any version.
      if (bytes.size() < kMldSize || (bytes.size() > kMldSize && bytes.size() < kMldv2QuerySize)) {
        return std::nullopt;
      }
      if (bytes.size() >= kMldv2QuerySize &&
          load_be16(bytes.data() + 26) * std::size_t{16} > bytes.size() - kMldv2QuerySize) {
        return std::nullopt;
      }
      return view;
    case Icmpv6Type::multicast_listener_report:
    case Icmpv6Type::multicast_listener_done:
      if (bytes.size() < kMldSize) { return std::nullopt; }
      return view;
    case Icmpv6Type::multicast_listener_report_v2:
      if (!GroupRecords<16>::check(bytes.subspan(8), load_be16(bytes.data() + 6))) { return std::nullopt; }
      return view;
    default: return std::nullopt;
  }
}

void MldMessage::emit(std::span<std::byte> out, Ipv6Bytes source, Ipv6Bytes destination) const noexcept {
  NAL_ASSERT(out.size() >= kMldSize);
  std::byte* const at = out.data();
  store_be32(at, static_cast<std::uint32_t>(type) << 24);
  store_be32(at + 4, std::uint32_t{max_response_time} << 16);
  store_ipv6(at + 8, group);
  put_checksum(out.first(kMldSize), source, destination);
}

void Mldv2Query::emit(std::span<std::byte> out, Ipv6Bytes source, Ipv6Bytes destination) const noexcept {
  NAL_ASSERT(out.size() >= size() && sources.size() % 16 == 0 && robustness <= 7);
  std::byte* const at = out.data();
  store_be32(at, static_cast<std::uint32_t>(Icmpv6Type::multicast_listener_query) << 24);
  store_be32(at + 4, std::uint32_t{max_response_code} << 16);
  store_ipv6(at + 8, group);
  store_u8(at + 24, (suppress_router_processing ? 8U : 0U) | robustness);
  store_u8(at + 25, query_interval_code);
  store_be16(at + 26, static_cast<std::uint32_t>(sources.size() / 16));
  if (!sources.empty()) { std::memcpy(at + kMldv2QuerySize, sources.data(), sources.size()); }
  put_checksum(out.first(size()), source, destination);
}

std::span<const std::byte> Mldv2ReportWriter::finish(Ipv6Bytes source, Ipv6Bytes destination) noexcept {
  const auto report = message(static_cast<std::uint8_t>(Icmpv6Type::multicast_listener_report_v2));
  if (!report.empty()) { put_checksum(report, source, destination); }
  return report;
}

}  // namespace nal::embedded::wire
