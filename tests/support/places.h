#pragma once

#include <filesystem>

namespace epp::testing {

// build/bin/NAME of the tree that this program was built in. Throws std::runtime_error naming what to build if it is
// missing.
std::filesystem::path built_program(const std::string& name);

// A file of the source tree.
std::filesystem::path source_file(const std::string& relative);

// Envoy's binary: $EPP_ENVOY, or .venv/bin/envoy of the source tree. Throws std::runtime_error naming tools/setup if it
// is missing.
std::filesystem::path envoy_program();

}  // namespace epp::testing
