// The wire format of TCP: RFC 9293 §3.1, §3.2 and the options of RFC 2018 and 7323.
#include <catch2/catch_test_macros.hpp>

#include <vector>

#include "backends/embedded/wire/tcp.hpp"

namespace nal::embedded::wire {

namespace {

using Bytes = std::vector<std::byte>;

Bytes with_options(std::initializer_list<int> options) {
  Bytes bytes(kTcpHeaderSize);
  for (const int byte : options) { bytes.push_back(static_cast<std::byte>(byte)); }
  while (bytes.size() % 4 != 0) { bytes.push_back(std::byte{0}); }
  bytes[kTcpDataOffset] = static_cast<std::byte>(bytes.size() / 4 << 4);
  return bytes;
}
TcpSegmentOptions options_of(std::initializer_list<int> options) {
  const Bytes bytes = with_options(options);
  const auto view = TcpView::parse(bytes);
  REQUIRE(view);
  return view->parse_options();
}

}  // namespace

TEST_CASE("A TCP header is written and read back, whatever options it has", "[wire][tcp]") {
  for (unsigned bits = 0; bits < 32; ++bits) {
    TcpSegmentOptions options;
    if ((bits & 1) != 0) { options.mss = 1460; }
    if ((bits & 2) != 0) { options.window_scale = 7; }
    options.sack_permitted = (bits & 4) != 0;
    if ((bits & 8) != 0) {
      options.timestamps = true;
      options.tsval = 0x12345678;
      options.tsecr = 0x9abcdef0;
    }
    if ((bits & 16) != 0) {
      // What fits beside the others.
      while (options.block_count < 4 && options.size() + 12 <= 40) {
        options.sack[options.block_count] = {options.block_count * 100u, options.block_count * 100u + 50};
        ++options.block_count;
      }
    }
    Bytes bytes(kTcpHeaderSize + options.size());
    const TcpHeader header{80, 50'000, 0xfffffff0, 17, tcp_flag::syn | tcp_flag::ack, 4321};
    emit_tcp(bytes, header, options);
    bytes.push_back(std::byte{'x'});
    const auto view = TcpView::parse(bytes);
    REQUIRE(view);
    CHECK(view->source_port() == 80);
    CHECK(view->destination_port() == 50'000);
    CHECK(view->sequence() == 0xfffffff0);
    CHECK(view->acknowledgment() == 17);
    CHECK(view->flags() == (tcp_flag::syn | tcp_flag::ack));
    CHECK(view->window() == 4321);
    CHECK(view->urgent_pointer() == 0);
    CHECK(view->payload().size() == 1);
    const TcpSegmentOptions back = view->parse_options();
    CHECK(back.mss == options.mss);
    CHECK(back.window_scale == options.window_scale);
    CHECK(back.sack_permitted == options.sack_permitted);
    CHECK(back.timestamps == options.timestamps);
    CHECK(back.tsval == options.tsval);
    CHECK(back.tsecr == options.tsecr);
    REQUIRE(back.block_count == options.block_count);
    for (std::size_t i = 0; i < back.block_count; ++i) { CHECK(back.sack[i] == options.sack[i]); }
  }
}

TEST_CASE("A TCP header that is cut off, or says so, is none", "[wire][tcp]") {
  const Bytes bytes = with_options({1, 1, 1, 1});
  for (std::size_t size = 0; size < bytes.size(); ++size) { CHECK_FALSE(TcpView::parse(std::span(bytes).first(size))); }
  for (unsigned offset = 0; offset < 16; ++offset) {
    Bytes other = bytes;
    other[kTcpDataOffset] = static_cast<std::byte>(offset << 4);
    CHECK(TcpView::parse(other).has_value() == (offset == 5 || offset == 6));
  }
}

TEST_CASE("Each length that an option may say is total: the right one is taken, every other passed over",
          "[wire][tcp]") {
  for (int length = 0; length <= 40; ++length) {
    const auto mss = options_of({2, length, 5, 0xb4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    CHECK(mss.mss == (length == 4 ? 1460 : 0));
    const auto scale = options_of({3, length, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    CHECK(scale.window_scale == (length == 3 ? 7 : TcpSegmentOptions::kNoWindowScale));
    const auto permitted = options_of({4, length, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    CHECK(permitted.sack_permitted == (length == 2));
    const auto stamps = options_of({8, length, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1});
    CHECK(stamps.timestamps == (length == 10));
    const auto sack = options_of({5, length, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4});
    CHECK(sack.block_count == (length == 10 ? 1 : length == 18 ? 2 : 0));
  }
}

TEST_CASE("Options stop at their end, at a length of nothing, and where they are cut off", "[wire][tcp]") {
  CHECK(options_of({0, 2, 4, 5, 0xb4}).mss == 0);
  CHECK(options_of({77, 0, 2, 4, 5, 0xb4}).mss == 0);
  CHECK(options_of({77, 1, 2, 4, 5, 0xb4}).mss == 0);
  CHECK(options_of({77, 2, 2, 4, 5, 0xb4, 1, 1}).mss == 1460);
  CHECK(options_of({77, 6, 9, 9, 9, 9, 2, 4, 5, 0xb4, 1, 1}).mss == 1460);
  CHECK(options_of({1, 1, 1, 2}).mss == 0);
  CHECK(options_of({2, 4, 5}).mss == 1280);  // the padding is its last byte
  CHECK(options_of({3, 3, 200}).window_scale == kTcpMaxWindowScale);
  // As many blocks as can be.
  CHECK(options_of(
            {5, 34, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8})
            .block_count == 4);
}

}  // namespace nal::embedded::wire
