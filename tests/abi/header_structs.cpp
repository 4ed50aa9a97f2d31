#include "abi/header_structs.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

namespace epp::testing {
namespace {

namespace fs = std::filesystem;

// Where the brace that opens at `open` closes.
size_t closing(std::string_view text, size_t open) {
  size_t depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  throw std::runtime_error("a struct is not closed");
}

// The declarations of a body: cut at each ';' outside of braces and parentheses.
std::vector<std::string> declarations(std::string_view body) {
  std::vector<std::string> all(1);
  int depth = 0;
  for (const char c : body) {
    if (c == '{' || c == '(') ++depth;
    if (c == '}' || c == ')') --depth;
    if (c == ';' && depth == 0) {
      all.emplace_back();
    } else {
      all.back() += c;
    }
  }
  all.pop_back();  // what follows the last ';'
  return all;
}

// "uint32_t size" -> "size"; "epp_status (*score)(...)" -> "score"; "union {...} u" -> "u".
std::string member_of(const std::string& declaration) {
  static const std::regex function(R"(\(\s*\*\s*(\w+)\s*\))");
  static const std::regex last_word(R"((\w+)\s*(\[\w+\])?\s*$)");
  std::smatch match;
  const bool is_union = declaration.find('{') != std::string::npos;
  if (!is_union && std::regex_search(declaration, match, function)) return match[1];
  if (std::regex_search(declaration, match, last_word)) return match[1];
  throw std::runtime_error("cannot read the member \"" + declaration + '"');
}

}  // namespace

std::string read_text(const fs::path& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string without_comments(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "/*") {
      i = text.find("*/", i + 2) + 1;
      out += ' ';
    } else if (text[i] == '#' && (out.empty() || out.back() == '\n')) {
      do {
        i = std::min(text.find('\n', i + 1), text.size());
      } while (i != text.size() && text[i - 1] == '\\');
      --i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<HeaderStruct> structs_in(std::string_view header) {
  static const std::regex start(R"(typedef\s+struct\s+(\w+)\s*\{)");
  std::vector<HeaderStruct> all;
  const std::string text = without_comments(header);
  for (auto at = std::sregex_iterator(text.begin(), text.end(), start); at != std::sregex_iterator(); ++at) {
    const size_t open = static_cast<size_t>(at->position() + at->length()) - 1;
    const size_t close = closing(text, open);
    HeaderStruct found{(*at)[1], {}};
    for (const std::string& declaration : declarations(std::string_view(text).substr(open + 1, close - open - 1)))
      found.members.push_back(member_of(declaration));
    all.push_back(std::move(found));
  }
  return all;
}

std::vector<HeaderStruct> structs_below(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.path().extension() == ".h") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<HeaderStruct> all;
  for (const fs::path& file : files) {
    for (HeaderStruct& found : structs_in(read_text(file)))
      all.push_back(std::move(found));
  }
  return all;
}

}  // namespace epp::testing
