#include "abi/baseline_report.h"

#include <cstdint>
#include <regex>
#include <sstream>

namespace epp::testing {

std::vector<std::string> forbidden_changes(std::string_view report, const std::set<std::string>& growing) {
  static const std::regex summary(R"((?:Leaf changes|Changed leaf types) summary: .*)");
  static const std::regex symbols(R"(Removed/Changed/Added \w+ summary: 0 Removed, 0 Changed, .*)");
  static const std::regex changed(R"('struct (\w+)(?: at .*)?' changed:)");
  static const std::regex resized(R"(  type size changed from (\d+) to \d+ \(in bits\))");
  static const std::regex insertions(R"(  \d+ data member insertions?:)");
  static const std::regex inserted(R"(    '.*', at offset (\d+) \(in bits\)(?: at .*)?)");

  std::vector<std::string> forbidden;
  std::string type;
  uint64_t end = 0;  // of the type as recorded, in bits; 0: not known
  std::istringstream lines{std::string(report)};
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (line.empty() || std::regex_match(line, summary) || std::regex_match(line, symbols)) continue;
    if (std::regex_match(line, match, changed)) {
      type = match[1];
      end = 0;
      if (!growing.contains(type)) forbidden.push_back(type + " is frozen");
    } else if (std::regex_match(line, match, resized)) {
      end = std::stoull(match[1]);
    } else if (std::regex_match(line, match, inserted)) {
      if (end == 0 || std::stoull(match[1]) < end) forbidden.push_back(type + ":" + line);
    } else if (!std::regex_match(line, insertions)) {
      forbidden.push_back(type + ":" + line);
    }
  }
  return forbidden;
}

}  // namespace epp::testing
