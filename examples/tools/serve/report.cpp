#include "examples/tools/serve/report.hpp"

namespace nal_serve {

namespace {

std::string plain(const Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value)) { return *text; }
  if (const auto* const number = std::get_if<std::uint64_t>(&value)) { return std::to_string(*number); }
  return std::get<bool>(value) ? "yes" : "no";
}

std::string quoted(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte < 0x20) {
      out.append("\\u00").append({kDigits[byte >> 4], kDigits[byte & 15]});
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::string json(const Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value)) { return quoted(*text); }
  if (const auto* const truth = std::get_if<bool>(&value)) { return *truth ? "true" : "false"; }
  return plain(value);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

/// The items of a container, each as `write` has it, with commas between.
template <class Items, class Write>
std::string joined(const Items& items, Write write) {
  std::string out;
  for (const auto& item : items) { out.append(out.empty() ? "" : ",").append(write(item)); }
  return out;
}

std::string json(const Section& section) {
  if (section.columns.empty()) {
    const auto pair = [](const std::vector<Value>& row) { return quoted(plain(row[0])) + ":" + json(row[1]); };
    return "{" + joined(section.rows, pair) + "}";
  }
  const auto object = [&section](const std::vector<Value>& row) {
    std::string out;
    for (std::size_t i = 0; i < section.columns.size(); ++i) {
      out.append(out.empty() ? "" : ",").append(quoted(section.columns[i])).append(":").append(json(row[i]));
    }
    return "\n  {" + out + "}";
  };
  return "[" + joined(section.rows, object) + "]";
}

}  // namespace

std::string to_json(const Report& report) {
  const auto section = [](const Section& it) { return "\n" + quoted(it.name) + ":" + json(it); };
  return "{" + joined(report, section) + "\n}\n";
}

std::string to_html(std::string_view title, const Report& report) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + escaped(title) +
                    "</title><style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
                    "td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}</style></head>\n<body><h1>" +
                    escaped(title) + "</h1>\n";
  for (const Section& section : report) {
    out += "<h2>" + escaped(section.name) + "</h2>\n<table>";
    if (!section.columns.empty()) { out += "<tr>"; }
    for (const std::string& column : section.columns) { out += "<th>" + escaped(column) + "</th>"; }
    if (!section.columns.empty()) { out += "</tr>"; }
    for (const auto& row : section.rows) {
      out += "\n<tr>";
      for (const Value& value : row) { out += "<td>" + escaped(plain(value)) + "</td>"; }
      out += "</tr>";
    }
    out += "</table>\n";
  }
  return out + "</body></html>\n";
}

}  // namespace nal_serve
