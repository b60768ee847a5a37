#include "backends/embedded/wire/igmp.hpp"

namespace nal::embedded::wire {

std::optional<IgmpView> IgmpView::parse(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < kIgmpSize || !sum(bytes).valid()) { return std::nullopt; }
  const IgmpView view(bytes);
  switch (view.type()) {
    case IgmpType::query:
      // RFC 3376 §7.1: between 8 and 12 bytes it is no query of any version.
      if (bytes.size() > kIgmpSize && bytes.size() < kIgmpv3QuerySize) { return std::nullopt; }
      if (bytes.size() >= kIgmpv3QuerySize &&
          load_be16(bytes.data() + 10) * std::size_t{4} > bytes.size() - kIgmpv3QuerySize) {
        return std::nullopt;
      }
      return view;
    case IgmpType::report_v3:
      if (!GroupRecords<4>::check(bytes.subspan(8), load_be16(bytes.data() + 6))) { return std::nullopt; }
      return view;
    default: return view;
  }
}

void Igmpv3Query::emit(std::span<std::byte> out) const noexcept {
  NAL_ASSERT(out.size() >= size() && sources.size() % 4 == 0 && robustness <= 7);
  std::byte* const at = out.data();
  store_be32(at, static_cast<std::uint32_t>(IgmpType::query) << 24 | std::uint32_t{max_response_code} << 16);
  store_ipv4(at + 4, group);
  store_u8(at + 8, (suppress_router_processing ? 8U : 0U) | robustness);
  store_u8(at + 9, query_interval_code);
  store_be16(at + 10, static_cast<std::uint32_t>(sources.size() / 4));
  if (!sources.empty()) { std::memcpy(at + kIgmpv3QuerySize, sources.data(), sources.size()); }
  store_be16(at + 2, sum(out.first(size())).checksum());
}

}  // namespace nal::embedded::wire
