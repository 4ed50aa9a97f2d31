// Files of credentials and configuration.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace epp::kube {

struct FileText {
  std::optional<std::string> text;
  bool missing = false;  // there is no such file
  std::string error;     // why there is no text: "No such file or directory"
};

// The whole file; one larger than `limit` is an error.
[[nodiscard]] FileText read_small_file(const std::string& path, std::size_t limit);

// Without white space at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

}  // namespace epp::kube
