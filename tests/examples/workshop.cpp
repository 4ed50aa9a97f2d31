#include "examples/workshop.h"

#include "support/places.h"
#include "support/process.h"

#include <chrono>
#include <stdexcept>

namespace epp::examples {

namespace fs = std::filesystem;

namespace {

constexpr const char* kWarnings = "-Wall -Wextra -Wpedantic -Wconversion -Werror";

// An author's environment, but that compilers are reached through ccache where there is one: every test has paths of
// its own, which ccache takes for relative ones.
std::vector<std::string> environment(const fs::path& folder) {
  std::vector<std::string> variables{"CARGO_HOME=" + (folder / "cargo").string(),
                                     "PKG_CONFIG_PATH=" + (folder / "sdk/lib/pkgconfig").string(), "RUSTC=" EPP_RUSTC,
                                     "CCACHE_BASEDIR=" + folder.string(), "CCACHE_NOHASHDIR=true"};
  const std::string ccache = EPP_CCACHE;
  if (!ccache.empty()) {
    variables.push_back("CMAKE_C_COMPILER_LAUNCHER=" + ccache);
    variables.push_back("CMAKE_CXX_COMPILER_LAUNCHER=" + ccache);
  }
  return variables;
}

}  // namespace

Workshop::Workshop() {
  const Outcome installed =
      run(EPP_CMAKE, {"--install", EPP_BUILD_DIR, "--component", "sdk", "--prefix", sdk().string()});
  if (installed.status != 0) throw std::runtime_error("the SDK does not install:\n" + installed.output);
}

fs::path Workshop::example(const std::string& language) const {
  const fs::path copy = folder() / ("example-" + language);
  fs::copy(sdk() / "share/epp-sdk/examples" / language, copy, fs::copy_options::recursive);
  return copy;
}

Outcome Workshop::run(const std::string& program, const std::vector<std::string>& arguments) const {
  testing::Process process(program, arguments, environment(folder()));
  const auto status = process.wait(std::chrono::minutes(4));
  return {status.value_or(-1), process.output()};
}

::testing::AssertionResult Workshop::succeeds(const std::string& program,
                                              const std::vector<std::string>& arguments) const {
  const Outcome outcome = run(program, arguments);
  if (outcome.status == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << program << " ended with " << outcome.status << '\n' << outcome.output;
}

::testing::AssertionResult Workshop::build_with_cmake(const fs::path& project) const {
  const std::string build = (project / "build").string();
  const auto configured =
      succeeds(EPP_CMAKE, {"-S", project.string(), "-B", build, "-DCMAKE_BUILD_TYPE=Release",
                           "-DCMAKE_PREFIX_PATH=" + sdk().string(), std::string("-DCMAKE_C_FLAGS=") + kWarnings,
                           std::string("-DCMAKE_CXX_FLAGS=") + kWarnings});
  return configured ? succeeds(EPP_CMAKE, {"--build", build}) : configured;
}

::testing::AssertionResult Workshop::build_with_make(const fs::path& project) const {
  return succeeds("/usr/bin/make", {"-C", project.string(), std::string("CPPFLAGS=") + kWarnings});
}

::testing::AssertionResult Workshop::build_with_cargo(const fs::path& project) const {
  return succeeds(EPP_CARGO, {"build", "--release", "--offline", "--manifest-path", (project / "Cargo.toml").string(),
                              "--target-dir", (project / "target").string()});
}

::testing::AssertionResult Workshop::passes_check(const fs::path& library, const std::string& parameters) const {
  return succeeds(testing::built_program("epp-plugin-check"),
                  {library.string(), "--quick", "--parameters", parameters});
}

}  // namespace epp::examples
