#include "support/places.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace epp::testing {

std::filesystem::path built_program(const std::string& name) {
  const std::filesystem::path program = std::filesystem::path(EPP_BUILD_DIR) / "bin" / name;
  if (!std::filesystem::exists(program)) {
    throw std::runtime_error(program.string() + " is missing: build the target '" + name + "' first");
  }
  return program;
}

std::filesystem::path source_file(const std::string& relative) {
  return std::filesystem::path(EPP_SOURCE_DIR) / relative;
}

std::filesystem::path envoy_program() {
  const char* chosen = std::getenv("EPP_ENVOY");
  const std::filesystem::path program = chosen != nullptr ? chosen : source_file(".venv/bin/envoy");
  if (!std::filesystem::exists(program)) {
    throw std::runtime_error("Envoy is missing (" + program.string() + "): run tools/setup, or set EPP_ENVOY");
  }
  return program;
}

}  // namespace epp::testing
