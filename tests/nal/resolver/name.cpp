#include "nal/resolver/name.hpp"

#include <string>

#include "nal/resolver/query.hpp"
#include "tests/nal/resolver/bytes.hpp"

namespace nal::dns::test {

using namespace nal::literals;

TEST_CASE("A name is the same after being written and read", "[dns][name]") {
  for (const std::string text : {"a", "example.org", "_mqtt._tcp.example.org", "xn--bcher-kva.example", "a-b.c--d",
                                 "UPPER.lower", "1.2.3.in-addr.arpa", "*.example", "a/b.example", "x!$&'()+,;=@~.y"}) {
    INFO(text);
    CHECK(text_of(name_of(text)) == text);
    CHECK(text_of(name_of(text + ".")) == text);
  }
  CHECK(text_of(name_of(".")) == ".");
  CHECK(name_of(".").is_root());
}

TEST_CASE("What a label may not show is escaped, both ways", "[dns][name]") {
  for (const std::string text :
       {"a\\.b.c", "My\\032Printer._ipp._tcp.local", "\\000x", "a\\\\b", "\\255.x", "tab\\009"}) {
    INFO(text);
    CHECK(text_of(name_of(text)) == text);
  }
  CHECK(name_of("a\\.b").wire().size() == 5);
  CHECK(name_of("\\097").wire()[1] == std::byte{'a'});
  for (const std::string text : {"a\\", "\\25", "\\256", "\\2x5", "a b", "a\tb", "a\nb", "\x7f"}) {
    INFO(text);
    Name name;
    CHECK(name.set_text(text) == Unexpected(Error::invalid_argument));
    CHECK(name.is_root());
  }
  Name name;
  CHECK(name.set_text(std::string_view("a\0b", 3)) == Unexpected(Error::invalid_argument));
}

TEST_CASE("Labels have 1 to 63 bytes, and names up to 255", "[dns][name]") {
  Name name;
  CHECK(name.set_text("") == Unexpected(Error::invalid_argument));
  CHECK(name.set_text("..") == Unexpected(Error::invalid_argument));
  CHECK(name.set_text(".a") == Unexpected(Error::invalid_argument));
  CHECK(name.set_text("a..b") == Unexpected(Error::invalid_argument));
  CHECK(name.set_text("a..") == Unexpected(Error::invalid_argument));
  CHECK(name.set_text(std::string(1, 'a')));
  CHECK(name.set_text(std::string(62, 'a')));
  CHECK(name.set_text(std::string(63, 'a')));
  CHECK(name.set_text(std::string(64, 'a')) == Unexpected(Error::invalid_argument));
  const std::string label63(63, 'a');
  const std::string three = label63 + "." + label63 + "." + label63 + ".";
  CHECK(name.set_text(three + std::string(60, 'b')));
  CHECK(name.wire().size() == 254);
  CHECK(name.set_text(three + std::string(61, 'b')));
  CHECK(name.wire().size() == 255);
  CHECK(name.set_text(three + std::string(61, 'b') + "."));
  CHECK(name.set_text(three + std::string(62, 'b')) == Unexpected(Error::invalid_argument));
  CHECK(name.set_text(three + std::string(59, 'b') + ".c"));
  CHECK(name.set_text(three + std::string(59, 'b') + ".cd") == Unexpected(Error::invalid_argument));
}

TEST_CASE("A name's text may need more room than there is", "[dns][name]") {
  char text[11];
  CHECK(name_of("example.org").format_to(std::span(text).first(10)) == Unexpected(Error::buffer_too_small));
  CHECK(name_of("example.org").format_to(text) == std::string_view("example.org"));
}

TEST_CASE("Names are the same whatever the case of their letters", "[dns][name]") {
  CHECK(name_of("WWW.Example.ORG") == name_of("www.example.org"));
  CHECK_FALSE(name_of("www.example.org") == name_of("www.example.com"));
  CHECK_FALSE(name_of("ab.c") == name_of("a.bc"));
  // Not letters: '@' and '`', '[' and '{' differ in that bit as well.
  CHECK_FALSE(name_of("@") == name_of("`"));
  CHECK_FALSE(name_of("[") == name_of("{"));
  CHECK_FALSE(name_of("\\193") == name_of("\\225"));
  CHECK(name_of("a.B.c").is_under(name_of("b.C")));
  CHECK(name_of("b.c").is_under(name_of("b.c")));
  CHECK(name_of("b.c").is_under(name_of(".")));
  CHECK_FALSE(name_of("ab.c").is_under(name_of("b.c")));
  CHECK_FALSE(name_of("c").is_under(name_of("b.c")));
}

TEST_CASE("Names are appended as long as they fit", "[dns][name]") {
  Name name = name_of("host");
  REQUIRE(name.append(name_of("example.org").wire()));
  CHECK(text_of(name) == "host.example.org");
  const std::string label63(63, 'a');
  Name longest = name_of(label63 + "." + label63 + "." + label63);
  CHECK(longest.append(name_of(std::string(62, 'b')).wire()) == Unexpected(Error::invalid_argument));
  CHECK(longest.append(name_of(std::string(61, 'b')).wire()));
  CHECK(longest.wire().size() == 255);
}

TEST_CASE("Addresses have a name each in the reverse trees", "[dns][name]") {
  Name name;
  name.set_reverse("192.0.2.17"_ip);
  CHECK(text_of(name) == "17.2.0.192.in-addr.arpa");
  name.set_reverse("2001:db8::567:89ab"_ip);
  // RFC 3596 §2.5 has this form.
  CHECK(text_of(name) == "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST_CASE("A dot at the end makes a name absolute, unless it is escaped", "[dns][name]") {
  AskedName asked;
  REQUIRE(asked.set("a.b.c"));
  CHECK_FALSE(asked.absolute);
  CHECK(asked.dots == 2);
  REQUIRE(asked.set("a.b."));
  CHECK(asked.absolute);
  CHECK(asked.dots == 1);
  REQUIRE(asked.set("a\\."));
  CHECK_FALSE(asked.absolute);
  CHECK(asked.dots == 0);
  REQUIRE(asked.set("a\\\\."));
  CHECK(asked.absolute);
  REQUIRE(asked.set("."));
  CHECK(asked.absolute);
  CHECK(asked.dots == 0);
  CHECK(asked.name.is_root());
  CHECK(asked.set("") == Unexpected(Error::invalid_argument));
}

TEST_CASE("Names that no name server knows are told", "[dns][name]") {
  CHECK(special_name(name_of("localhost")) == SpecialName::localhost);
  CHECK(special_name(name_of("a.LocalHost")) == SpecialName::localhost);
  CHECK(special_name(name_of("printer.local")) == SpecialName::multicast);
  CHECK(special_name(name_of("local")) == SpecialName::multicast);
  CHECK(special_name(name_of("x.invalid")) == SpecialName::never);
  CHECK(special_name(name_of("x.onion")) == SpecialName::never);
  for (const char* text : {".", "localhost.example", "local.example", "notlocal", "mylocalhost", "invalid.org"}) {
    INFO(text);
    CHECK(special_name(name_of(text)) == SpecialName::none);
  }
}

// RFC 1035 §4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root, at the offsets that it has them.
TEST_CASE("Compressed names are read as the standard's example has them", "[dns][name]") {
  Bytes message(20);
  message.name("F.ISI.ARPA");
  message.resize(40);
  message.u8(3).text("FOO").pointer(20);
  message.resize(64);
  message.pointer(26);
  message.resize(92);
  message.u8(0);
  Name name;
  CHECK(name.set_wire(message, 20) == 32u);
  CHECK(text_of(name) == "F.ISI.ARPA");
  CHECK(name.set_wire(message, 40) == 46u);
  CHECK(text_of(name) == "FOO.F.ISI.ARPA");
  CHECK(name.is_at(message, 40));
  CHECK(name_of("foo.f.isi.arpa").is_at(message, 40));
  CHECK_FALSE(name.is_at(message, 20));
  CHECK(name.set_wire(message, 64) == 66u);
  CHECK(text_of(name) == "ARPA");
  CHECK(name.set_wire(message, 92) == 93u);
  CHECK(name.is_root());
}

// RFC 9267 §2, and the same in NAME:WRECK's list.
TEST_CASE("No compression pointer leads forward, in a circle, out of the message, or into its header", "[dns][name]") {
  Name name;
  const auto malformed = [&name](const Bytes& message, std::size_t offset) {
    CHECK(name.set_wire(message, offset) == Unexpected(Error::protocol_error));
    CHECK_FALSE(name_of("a").is_at(message, offset));
    CHECK(skip_name(message, offset) == Unexpected(Error::protocol_error));
  };
  malformed(Bytes(12).pointer(12), 12);                        // itself
  malformed(Bytes(12).u8(1).text("a").pointer(12), 12);        // a label, and round again
  malformed(Bytes(12).pointer(14).u8(0), 12);                  // forward
  malformed(Bytes(12).u8(1).text("a").pointer(16).u8(0), 12);  // forward, by nothing
  malformed(Bytes(12).u8(0).u8(1).text("a").pointer(13), 13);  // into the label before it
  malformed(Bytes(12).pointer(14).pointer(12), 14);            // each other
  malformed(Bytes(12).pointer(0x3fff), 12);                    // past the end
  malformed(Bytes(12).pointer(0), 12);                         // the header, whose zeroes look like a root
  malformed(Bytes(12).pointer(11), 12);                        // the header's last byte
  malformed(Bytes(12).u8(0xc0), 12);                           // half a pointer
  malformed(Bytes(12).u8(1).text("a").u8(0xc0), 12);
  CHECK(name.set_wire(Bytes(12).u8(0).pointer(12), 13) == 15u);  // and the least that is right
}

TEST_CASE("A chain of pointers may be long, for each leads further back", "[dns][name]") {
  Bytes message(12);
  message.u8(1).text("a").u8(0);
  std::size_t last = 12;
  for (int i = 0; i < 125; ++i) {
    const std::size_t here = message.size();
    message.u8(1).text("b").pointer(static_cast<unsigned>(last));
    last = here;
  }
  Name name;
  CHECK(name.set_wire(message, last) == message.size());
  CHECK(name.wire().size() == 126 * 2 + 1);
  message.u8(2).text("bb").pointer(static_cast<unsigned>(last));
  CHECK(name.set_wire(message, message.size() - 5) == Unexpected(Error::protocol_error));
}

TEST_CASE("There are no more pointers in a name than it may have labels", "[dns][name]") {
  Bytes message(12);
  message.u8(0);
  for (unsigned last = 12; message.size() < 0x3ffe;) {
    const auto here = static_cast<unsigned>(message.size());
    message.pointer(last);
    last = here;
  }
  Name name;
  for (unsigned pointers = 1; pointers <= 127; ++pointers) {
    CHECK(name.set_wire(message, 13 + 2 * (pointers - 1)) == 13 + 2 * pointers);
  }
  CHECK(name.set_wire(message, 13 + 2 * 127) == Unexpected(Error::protocol_error));
  CHECK(name.set_wire(message, message.size() - 2) == Unexpected(Error::protocol_error));
}

TEST_CASE("Label lengths of 64 to 191 begin nothing", "[dns][name]") {
  Name name;
  for (const unsigned length : {0x40u, 0x41u, 0x7fu, 0x80u, 0xbfu}) {
    Bytes message(12);
    message.u8(length);
    message.resize(12 + 256);
    CHECK(name.set_wire(message, 12) == Unexpected(Error::protocol_error));
  }
  for (const unsigned length : {1u, 62u, 63u}) {
    Bytes message(12);
    message.u8(length).text(std::string(length, 'x')).u8(0);
    CHECK(name.set_wire(message, 12) == message.size());
  }
}

TEST_CASE("A name that is longer than 255 bytes once expanded is none", "[dns][name]") {
  Bytes message(12);
  message.u8(63).text(std::string(63, 'x')).u8(63).text(std::string(63, 'x')).u8(63).text(std::string(63, 'x')).u8(0);
  Name name;
  for (const unsigned extra : {60u, 61u}) {
    Bytes fits = message;
    fits.u8(extra).text(std::string(extra, 'y')).pointer(12);
    CHECK(name.set_wire(fits, message.size()) == fits.size());
    CHECK(name.wire().size() == 194u + extra);
  }
  Bytes too_long = message;
  too_long.u8(62).text(std::string(62, 'y')).pointer(12);
  CHECK(name.set_wire(too_long, message.size()) == Unexpected(Error::protocol_error));
}

TEST_CASE("A name that is cut at any byte is none", "[dns][name]") {
  Bytes message(12);
  message.name("www.example.org");
  Name name;
  for (std::size_t size = 0; size < message.size(); ++size) {
    const auto part = std::span<const std::byte>(message).first(size);
    CHECK(name.set_wire(part, 12) == Unexpected(Error::protocol_error));
    CHECK_FALSE(name_of("www.example.org").is_at(part, 12));
  }
  CHECK(name.set_wire(message, 12) == message.size());
  CHECK(name.set_wire(message, message.size()) == Unexpected(Error::protocol_error));
  CHECK(name.set_wire(message, message.size() + 100) == Unexpected(Error::protocol_error));
}

}  // namespace nal::dns::test
