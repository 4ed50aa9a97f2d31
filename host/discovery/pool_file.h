// The pool file: what file discovery reads, YAML or JSON:
//
//   endpoints:
//     - name: vllm-0           # may be empty; the identity is namespace/name
//       namespace: default     # default "default"
//       address: 10.0.0.1      # IPv4 literal
//       port: "8000"           # a STRING: an unquoted number is a type error of the whole file
//       labels: {engine: vllm} # optional, strings
//   objectives:                # optional: what requests may name in x-llm-d-inference-objective
//     - name: chat             # not empty, unique in the file
//       priority: 10           # int32, default 0; below 0: sheddable
//       weight: 2.5            # above 0, default 1: share within the band
//
// Other fields are ignored, except in an objective, where a misspelt one would silently mean priority 0. Field names
// match without regard to case.
#pragma once

#include "objectives/objective_table.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace epp::discovery {

struct FileEntry {
  std::string name;
  std::string name_space = "default";
  std::string address;
  std::string port;
  std::vector<std::pair<std::string, std::string>> labels;
};

struct FileError {
  std::string text;
};

struct PoolFile {
  std::vector<FileEntry> endpoints;  // in file order
  // Judged apart from the endpoints: a slip in one part must not hold the other one back.
  std::variant<std::vector<objectives::Objective>, FileError> objectives;
};

// Entries may come by YAML aliases, so their labels are bounded apart from the file's size.
inline constexpr std::size_t kMaxFileBytes = 1u << 20;
inline constexpr std::size_t kMaxLabelsInFile = 1u << 18;

// What the file says, or why it is unusable as a whole. An empty file says nothing.
[[nodiscard]] std::variant<PoolFile, FileError> parse_pool_file(std::string_view text);

}  // namespace epp::discovery
