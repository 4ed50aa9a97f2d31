// The SDK as a plugin author gets it: installed, found by CMake and pkg-config, used out of tree.
#include <epp/abi.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

// A folder that goes with the test.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "epp-sdk-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no scratch folder");
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  std::string string() const { return path_.string(); }

 private:
  fs::path path_;
};

// Runs a shell command; its output on failure.
::testing::AssertionResult run(const Scratch& scratch, const std::string& command) {
  const fs::path log = scratch / "log";
  if (std::system(("{ " + command + "; } >'" + log.string() + "' 2>&1").c_str()) == 0) {
    return ::testing::AssertionSuccess();
  }
  std::ostringstream text;
  text << std::ifstream(log).rdbuf();
  return ::testing::AssertionFailure() << command << '\n' << text.str();
}

// The name of the only type in a plugin library.
std::string type_of(const fs::path& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return dlerror();
  const auto* entry = static_cast<const epp_entry*>(dlsym(handle, EPP_ENTRY_SYMBOL));
  std::string name = "no entry";
  if (entry != nullptr && entry->abi_major == EPP_ABI_MAJOR && entry->type_count == 1) {
    name.assign(entry->types[0]->name.data, entry->types[0]->name.size);
  }
  dlclose(handle);
  return name;
}

class SdkInstall : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(run(scratch, "cmake --install '" EPP_BUILD_DIR "' --component sdk --prefix '" + prefix() + "'"));
  }
  std::string prefix() const { return (scratch / "prefix").string(); }
  Scratch scratch;
};

TEST_F(SdkInstall, PkgConfigIsEnoughForC) {
  fs::path pkg_config;
  for (const auto& entry : fs::recursive_directory_iterator(prefix())) {
    if (entry.path().filename() == "epp-sdk.pc") pkg_config = entry.path().parent_path();
  }
  const std::string library = (scratch / "plugin.so").string();
  ASSERT_TRUE(run(scratch, "export PKG_CONFIG_PATH='" + pkg_config.string() +
                               "' && cc -std=c11 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -fvisibility=hidden "
                               "$(pkg-config --cflags epp-sdk) "
                               "-Wl,--version-script=$(pkg-config --variable=version_script epp-sdk) -o '" +
                               library + "' '" EPP_SOURCE_DIR "/sdk/examples/c/label_preference_scorer.c'"));
  EXPECT_EQ(type_of(library), "label-preference-scorer");
}

TEST_F(SdkInstall, HeadersStandAlone) {
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(prefix()) / "include")) {
    const std::string path = entry.path().string();
    if (entry.path().extension() == ".h") {
      EXPECT_TRUE(run(scratch, "cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c -I'" + prefix() +
                                   "/include' '" + path + "'"));
      EXPECT_TRUE(run(scratch, "c++ -std=c++20 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ -I'" + prefix() +
                                   "/include' '" + path + "'"));
    }
    if (entry.path().extension() == ".hpp") {
      // By a file that includes it.
      EXPECT_TRUE(run(scratch, "echo '#include \"" + path +
                                   "\"' | c++ -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror "
                                   "-fsyntax-only -x c++ -I'" +
                                   prefix() + "/include' -"));
    }
  }
}

TEST_F(SdkInstall, AnotherCompilerTakesAPlugin) {
  const std::string library = (scratch / "plugin.so").string();
  ASSERT_TRUE(run(scratch, "clang++-16 -std=c++20 -O2 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -Wl,-z,now -I'" +
                               prefix() + "/include' -o '" + library +
                               "' '" EPP_SOURCE_DIR "/plugins/scorers/queue-scorer/queue_scorer.cpp'"));
  EXPECT_EQ(type_of(library), "queue-scorer");
}

// Else the class would compile and not be asked.
TEST_F(SdkInstall, AMemberOfAnotherFormIsAnError) {
  const std::string source = (scratch / "wrong.cpp").string();
  std::ofstream(source) << R"(
#include <epp/plugin.hpp>
using namespace epp::sdk;
struct Scorer {
  explicit Scorer(Context&) {}
  bool dump_state = false;  // no function
  bool ready() { return true; }  // not const
  void score(const Request&, const Candidates&) const {}
  void on_endpoint_added(const epp_endpoint&) {}  // without on_endpoint_removed
  bool produce(const Request&, const Candidates&) const { return false; }
  void pick(const Request&, const Candidates&, std::span<const double>, Picks&) const {}  // right
};
struct Band {
  uint32_t pick(uint64_t) { return 0; }
  void flow_added(epp_flow&) {}  // not const
};
struct Fairness {
  explicit Fairness(Context&) {}
  std::unique_ptr<Band> open_band(int32_t) const { return std::make_unique<Band>(); }
  bool order_before(const QueuedRequest&, const QueuedRequest&) const { return false; }
};
struct OwnBand {  // right
  OwnBand() = default;
  explicit OwnBand(Context&) {}
  std::unique_ptr<OwnBand> open_band(int32_t) const { return std::make_unique<OwnBand>(); }
  uint32_t pick(uint64_t) { return 0; }

 private:
  void filter() {}
};
EPP_PLUGIN_TYPES(type<Scorer>({.name = "a", .vendor = "test"}), type<Fairness>({.name = "b", .vendor = "test"}),
                 type<OwnBand>({.name = "c", .vendor = "test"}))
)";
  const auto compiled = run(scratch, "c++ -std=c++20 -fsyntax-only -I'" + prefix() + "/include' '" + source + "'");
  ASSERT_FALSE(compiled);
  const std::string errors = compiled.message();
  for (const char* said : {" ready: not the form", " score: not the form", " flow_added: not the form",
                           "on_endpoint_added without on_endpoint_removed", "order_before without order_key",
                           "produce: only with a Token"}) {
    EXPECT_NE(errors.find(said), std::string::npos) << said << '\n' << errors;
  }
  for (const char* member : {"dump_state", "pick", "filter", "open_band", "on_endpoint_added"}) {
    EXPECT_EQ(errors.find(std::string(" ") + member + ": not the form"), std::string::npos) << member << '\n' << errors;
  }
}

}  // namespace
