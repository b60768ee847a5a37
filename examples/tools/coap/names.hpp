#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nal_coap {

/// "4.04 Not Found", or "4.99" where no name is known (RFC 7252 §12.1 and what was registered since).
std::string code_text(std::uint8_t code);

/// A content format by number, by the name that IANA's registry has, by what stands behind its slash, or as libcoap's
/// client has it ("plain", "binary"). Nothing: no such format is known.
std::optional<std::uint16_t> content_format(std::string_view name);
/// "application/json", or "content format 65000" where no name is known.
std::string content_format_text(std::uint32_t number);
/// What a file of that name holds, by its ending; bytes if that says nothing.
std::uint16_t content_format_of_file(std::string_view name);

/// "Content-Format", or "option 65000".
std::string option_text(std::uint32_t number);
/// An option by number or name.
std::optional<std::uint16_t> option_number(std::string_view name);

}  // namespace nal_coap
