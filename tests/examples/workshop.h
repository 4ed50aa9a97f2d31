// A plugin author's desk: the SDK as it is installed, and what is built with it, in a folder that goes with the test.
#pragma once

#include "support/files.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::examples {

struct Outcome {
  int status;  // -1: it did not end in time
  std::string output;
};

class Workshop {
 public:
  // Installs the SDK. Throws std::runtime_error with what cmake said if that fails.
  Workshop();

  std::filesystem::path folder() const { return folder_.path(); }
  std::filesystem::path sdk() const { return folder_.path() / "sdk"; }
  // An example out of the installed SDK, in a folder of its own.
  std::filesystem::path example(const std::string& language) const;

  Outcome run(const std::string& program, const std::vector<std::string>& arguments) const;

  // Each builds the project in that folder as its documentation says, with the warnings of a careful author as errors.
  ::testing::AssertionResult build_with_cmake(const std::filesystem::path& project) const;
  ::testing::AssertionResult build_with_make(const std::filesystem::path& project) const;
  ::testing::AssertionResult build_with_cargo(const std::filesystem::path& project) const;

  // What epp-plugin-check says of a library.
  ::testing::AssertionResult passes_check(const std::filesystem::path& library, const std::string& parameters) const;

 private:
  ::testing::AssertionResult succeeds(const std::string& program, const std::vector<std::string>& arguments) const;

  testing::TempDir folder_;
};

}  // namespace epp::examples
