#pragma once
/// A report of named sections, and how it looks as a page and as JSON: both show the same.
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nal_serve {

using Value = std::variant<std::string, std::uint64_t, bool>;

/// A table; one without columns is a list of names and values, two in each row, the names being texts.
struct Section {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::vector<Value>> rows;
};

using Report = std::vector<Section>;

/// `{"section": [{"column": value}], "list": {"name": value}}`
std::string to_json(const Report& report);
/// A page of HTML, complete and without scripts.
std::string to_html(std::string_view title, const Report& report);

}  // namespace nal_serve
