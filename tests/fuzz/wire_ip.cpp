// Frames and packets of arbitrary bytes: every view stays within them, agrees with itself, and what is written again
// from what was read is read the same. Checksums are those of RFC 1071 added up one word at a time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/embedded/wire/arp.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"
#include "backends/embedded/wire/udp.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal::embedded::wire;
using nal::fuzz::require;
using Bytes = std::vector<std::byte>;
using Span = std::span<const std::byte>;

void within(Span part, Span whole) {
  require(part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

std::uint16_t plain_checksum(Span bytes) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    total += std::to_integer<std::uint64_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
  }
  while (total >> 16 != 0) { total = (total & 0xffff) + (total >> 16); }
  return static_cast<std::uint16_t>(~total);
}

void checksums(Span bytes) {
  require(sum(bytes).checksum() == plain_checksum(bytes));
  Bytes to(bytes.size());
  require(copy_and_sum(to, bytes).checksum() == plain_checksum(bytes));
  require(std::equal(to.begin(), to.end(), bytes.begin()));
  const std::size_t cut = bytes.empty() ? 0 : std::to_integer<std::size_t>(bytes[0]) % bytes.size();
  require((sum(bytes.first(cut)) + sum(bytes.subspan(cut)).at(cut)).checksum() == plain_checksum(bytes));
}

void udp(Span bytes) {
  const auto view = UdpView::parse(bytes);
  if (!view) { return; }
  within(view->payload(), bytes);
  require(view->payload().size() + kUdpHeaderSize == view->length());
  Bytes again(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(view->length()));
  UdpHeader{.source_port = view->source_port(),
            .destination_port = view->destination_port(),
            .payload_size = view->payload().size()}
      .emit(again, {}, sum(view->payload()));
  const auto written = UdpView::parse(again);
  require(written && written->has_checksum() && written->checksum_valid({}));
  require(written->source_port() == view->source_port() && written->length() == view->length());
}

void icmp(Span bytes) {
  const auto view = IcmpView::parse(bytes);
  if (!view) { return; }
  within(view->quotation_v4(), bytes);
  within(view->quotation_v6(), bytes);
  for (const bool v6 : {false, true}) {
    const Span quotation = v6 ? view->quotation_v6() : view->quotation_v4();
    const auto packet = v6 ? QuotedPacket::parse_v6(quotation) : QuotedPacket::parse_v4(quotation);
    if (!packet) { continue; }
    require(packet->source.size() == (v6 ? 16U : 4U) && packet->destination.size() == packet->source.size());
    require(packet->transport.size() >= 8);
    within(packet->source, quotation);
    within(packet->destination, quotation);
    within(packet->transport, quotation);
  }
}

void ipv4(Span bytes) {
  const auto quoted = Ipv4View::parse_quoted(bytes);
  const auto view = Ipv4View::parse(bytes);
  require(!view || quoted);
  if (!quoted) { return; }
  within(quoted->payload(), bytes);
  within(quoted->header(), bytes);
  static_cast<void>(quoted->checksum_valid());
  Ipv4Options options(quoted->options());
  std::size_t room = quoted->options().size();
  while (const auto option = options.next()) {
    within(option->data, quoted->options());
    require(option->data.size() + 2 <= room);
    room -= option->data.size() + 2;
  }
  if (!view) { return; }
  require(view->header_size() + view->payload().size() == view->total_length());
  udp(view->payload());
  icmp(view->payload());
  if (view->header_size() + view->payload().size() > 0xffff - 4) { return; }
  Bytes again(kIpv4MaxHeaderSize + view->payload().size());
  const Ipv4Header header{.payload_size = view->payload().size(),
                          .traffic_class = view->traffic_class(),
                          .identification = view->identification(),
                          .dont_fragment = view->dont_fragment(),
                          .more_fragments = view->more_fragments(),
                          .fragment_offset = view->fragment_offset(),
                          .hop_limit = view->hop_limit(),
                          .protocol = view->protocol(),
                          .source = view->source(),
                          .destination = view->destination(),
                          .router_alert = view->options().size() % 8 == 4};
  header.emit(again);
  const auto written = Ipv4View::parse(again);
  require(written && written->checksum_valid() && written->header_size() == header.size());
  require(written->payload().size() == view->payload().size() && written->source() == view->source());
  require(written->destination() == view->destination() && written->protocol() == view->protocol());
  require(written->fragment_offset() == view->fragment_offset() && written->hop_limit() == view->hop_limit());
  require(written->is_fragment() == view->is_fragment() && written->dont_fragment() == view->dont_fragment());
}

void ipv6(Span bytes) {
  const auto quoted = Ipv6View::parse_quoted(bytes);
  const auto view = Ipv6View::parse(bytes);
  require(!view || quoted);
  if (!quoted) { return; }
  if (const auto payload = skip_extension_headers(*quoted)) { require(payload->offset <= quoted->bytes().size()); }
  if (!view) { return; }
  const std::size_t size = view->bytes().size();
  require(size == kIpv6HeaderSize + view->payload_length());
  const Ipv6Chain chain = walk_extension_headers(*view);
  switch (chain.verdict) {
    case Ipv6Chain::Verdict::deliver: {
      require(chain.offset >= kIpv6HeaderSize && chain.offset <= size && chain.next_header_field < chain.offset);
      require(load_u8(&view->bytes()[chain.next_header_field]) == chain.protocol);
      const auto skipped = skip_extension_headers(*view);
      require(skipped && skipped->protocol == chain.protocol && skipped->offset == chain.offset);
      udp(view->bytes().subspan(chain.offset));
      icmp(view->bytes().subspan(chain.offset));
      break;
    }
    case Ipv6Chain::Verdict::fragment:
      require(chain.offset <= size && chain.next_header_field + kFragmentHeaderSize < chain.offset);
      require(load_u8(&view->bytes()[chain.next_header_field]) == static_cast<std::uint8_t>(NextHeader::fragment));
      require(chain.fragment_offset != 0 || chain.more_fragments);
      require(chain.fragment_offset + (size - chain.offset) <= 0xffff);
      break;
    case Ipv6Chain::Verdict::parameter_problem: require(chain.code <= 2 && chain.pointer < size); break;
    case Ipv6Chain::Verdict::discard: break;
  }
}

void frame(Span bytes) {
  if (const auto arp = ArpView::parse(bytes)) {
    Bytes again(kArpSize);
    ArpPacket{.operation = arp->operation(),
              .sender_mac = arp->sender_mac(),
              .sender = arp->sender(),
              .target_mac = arp->target_mac(),
              .target = arp->target()}
        .emit(again);
    require(std::equal(again.begin(), again.end(), bytes.begin()));
  }
  const auto view = EthernetView::parse(bytes);
  if (!view) { return; }
  within(view->payload(), bytes);
  require(view->payload().size() + view->header_size() == bytes.size());
  require(view->vlan() < 4096 && view->priority() < 8);
  ipv4(view->payload());
  ipv6(view->payload());
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of just the right size, so that AddressSanitizer sees a byte too many.
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  checksums(bytes);
  frame(bytes);
  ipv4(bytes);
  ipv6(bytes);
  udp(bytes);
  icmp(bytes);
  return 0;
}
