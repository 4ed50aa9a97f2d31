// The structs that C headers define, read off their text: enough C for the headers of the SDK, and no more.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace epp::testing {

struct HeaderStruct {
  std::string name;
  std::vector<std::string> members;
};

// `text` without comments and preprocessor lines.
std::string without_comments(std::string_view text);
// The structs of `typedef struct NAME { ... } NAME;`, in order.
std::vector<HeaderStruct> structs_in(std::string_view header);
// Those of all *.h files below a directory.
std::vector<HeaderStruct> structs_below(const std::filesystem::path& directory);
std::string read_text(const std::filesystem::path& file);

}  // namespace epp::testing
