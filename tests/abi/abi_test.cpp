// Libraries loaded for real: good ones in C and C++, and every way in which one is refused.
#include "plugins/catalogue.h"
#include "plugins/library.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace epp::plugins {

namespace fs = std::filesystem;
using epp::testing::PluginHarness;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string built(const std::string& name) {
  return std::string(EPP_ABI_LIBRARIES) + "/abi-" + name + ".so";
}

std::string refusal(const std::string& path, const LoadOptions& options = {}) {
  std::string error;
  EXPECT_EQ(Library::load(path, options, error), nullptr);
  return error;
}

LibraryPtr load(const std::string& path, const LoadOptions& options = {}) {
  std::string error;
  LibraryPtr library = Library::load(path, options, error);
  EXPECT_NE(library, nullptr) << error;
  return library;
}

// A directory of our own, gone at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "epp-abi-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { fs::remove_all(path_); }
  // A private copy of a built library.
  std::string copy(const std::string& name, const std::string& as) const {
    const fs::path to = path_ / as;
    fs::copy_file(built(name), to, fs::copy_options::overwrite_existing);
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write);
    return to.string();
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(AbiLibrary, InCLoadsAndScores) {
  PluginHarness host;
  host.load(built("c_scorer"));
  host.endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, 1.0);
  host.endpoint("b").set(EPP_KEY_WAITING_QUEUE_SIZE, 3.0);
  const auto scorer = host.create("c-scorer", R"({"capacity": 4})");
  auto request = host.request();
  EXPECT_THAT(host.score(scorer, request), ElementsAre(0.75, 0.25));
  EXPECT_EQ(host.create_error("c-scorer", R"({"capacity": 0})"), "capacity must be above 0");
}

TEST(AbiLibrary, InCppFilters) {
  PluginHarness host;
  host.load(built("cpp_plugins"));
  host.endpoint("a").label("role", "decode");
  host.endpoint("b").label("role", "prefill");
  auto request = host.request();
  EXPECT_THAT(host.filter(host.create("test-label-filter", R"({"value": "prefill"})"), request), ElementsAre("b"));
  host.endpoint("b").annotation("off", "");
  EXPECT_THAT(host.filter(host.create("test-label-filter", R"({"value": "prefill"})"), request), IsEmpty());
  EXPECT_EQ(host.bind_profiles(host.create("test-handler"), {"one", "two"}), "exactly one profile is wanted");
}

TEST(AbiLibrary, AnswersFromAThreadOfItsOwn) {
  PluginHarness host;
  host.load(built("cpp_plugins"));
  host.endpoint("a");
  host.endpoint("b");
  const auto producer = host.create("test-async-producer", "{}", "later");
  auto request = host.request();
  const auto pending = host.produce(producer, request);
  ASSERT_EQ(pending.status, EPP_PENDING);
  ASSERT_TRUE(host.await(producer, request, pending));
  EXPECT_EQ(host.text_value(request, "Async/later"), "forty-two");
  EXPECT_THAT(host.f64(request, "Async/later#load"), ElementsAre(0.5, 0.5));
}

TEST(AbiLibrary, FaultsAreContainedAndCounted) {
  PluginHarness host;
  host.load(built("cpp_plugins"));
  host.endpoint("a");
  auto request = host.request();
  const auto nan = host.create("test-faulty-scorer", R"({"mode": "nan"})", "nan");
  EXPECT_THAT(host.score(nan, request), ElementsAre(0.0));
  EXPECT_EQ(nan->faults(Fault::kNotANumber), 1u);
  for (const std::string mode : {"throw", "throw-int"}) {
    const auto throws = host.create("test-faulty-scorer", R"({"mode": ")" + mode + R"("})", mode);
    EXPECT_THROW(host.score(throws, request), std::runtime_error);
    EXPECT_EQ(throws->faults(Fault::kError), 1u);
  }
  EXPECT_EQ(host.create_error("test-faulty-scorer", R"({"mode": "refuse"})"), "this mode is refused");
}

TEST(AbiRefusal, AnotherMajor) {
  EXPECT_THAT(refusal(built("wrong_major")), HasSubstr("its plugin ABI is 2, this host's is 1"));
}

TEST(AbiRefusal, NoEntry) {
  EXPECT_THAT(refusal(built("no_entry")), HasSubstr("does not export epp_plugin_entry"));
}

TEST(AbiRefusal, NoCreate) {
  EXPECT_THAT(refusal(built("no_create")), HasSubstr("type \"idle\" has no create function"));
}

TEST(AbiRefusal, TheLoadersOwnWordsAreShown) {
  EXPECT_THAT(refusal(built("unresolved")), HasSubstr("epp_symbol_that_nobody_has"));
}

TEST(AbiRefusal, NotALibraryOrNotThere) {
  const TemporaryDirectory directory;
  const std::string path = (directory.path() / "text.so").string();
  std::ofstream(path) << "not an ELF file";
  EXPECT_THAT(refusal(path), HasSubstr("cannot load"));
  EXPECT_THAT(refusal((directory.path() / "absent.so").string()), HasSubstr("No such file or directory"));
  EXPECT_THAT(refusal(directory.path().string()), HasSubstr("is not a regular file"));
}

TEST(AbiRefusal, WritableByOthersUnlessPinned) {
  const TemporaryDirectory directory;
  const std::string path = directory.copy("c_scorer", "c.so");
  const std::string digest = load(path)->sha256();
  EXPECT_EQ(digest.size(), 64u);

  fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
  EXPECT_THAT(refusal(path), HasSubstr("the file is writable by group or others"));
  EXPECT_NE(load(path, {digest}), nullptr);

  fs::permissions(path, fs::perms::others_write, fs::perm_options::remove);
  fs::permissions(directory.path(), fs::perms::group_write, fs::perm_options::add);
  EXPECT_THAT(refusal(path), HasSubstr("its directory is writable by group or others"));
  EXPECT_NE(load(path, {digest}), nullptr);
}

TEST(AbiRefusal, ALinkToWhereOthersMayWrite) {
  const TemporaryDirectory open_to_all;
  const TemporaryDirectory own;
  const std::string path = open_to_all.copy("c_scorer", "c.so");
  const std::string link = (own.path() / "c.so").string();
  fs::create_symlink(path, link);
  const std::string digest = load(link)->sha256();
  fs::permissions(open_to_all.path(), fs::perms::group_write, fs::perm_options::add);
  EXPECT_THAT(refusal(link), HasSubstr("the directory that it leads to is writable by group or others"));
  EXPECT_NE(load(link, {digest}), nullptr);
}

TEST(AbiRefusal, AnotherUsersUnlessPinned) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  constexpr uid_t kNobody = 65534;
  const TemporaryDirectory directory;
  const std::string path = directory.copy("c_scorer", "c.so");
  const std::string digest = load(path)->sha256();

  ASSERT_EQ(::chown(path.c_str(), kNobody, 0), 0);
  EXPECT_THAT(refusal(path), HasSubstr("the file belongs to user 65534"));
  EXPECT_NE(load(path, {digest}), nullptr);

  ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(directory.path().c_str(), kNobody, 0), 0);
  EXPECT_THAT(refusal(path), HasSubstr("its directory belongs to user 65534"));
  EXPECT_NE(load(path, {digest}), nullptr);
}

TEST(AbiRefusal, AnotherDigestThanPinned) {
  const std::string pin(64, '0');
  EXPECT_THAT(refusal(built("c_scorer"), {pin}), HasSubstr("pinned is " + pin));
}

TEST(AbiLibrary, AFileReplacedUnderTheSameNameIsNewCode) {
  const TemporaryDirectory directory;
  const LibraryPtr before = load(directory.copy("c_scorer", "plugin.so"));
  const LibraryPtr after = load(directory.copy("cpp_plugins", "plugin.so"));
  EXPECT_NE(before->find("c-scorer"), nullptr);
  EXPECT_EQ(after->find("c-scorer"), nullptr);
  EXPECT_NE(after->find("test-label-filter"), nullptr);
  EXPECT_NE(before->sha256(), after->sha256());
}

TEST(AbiLibrary, IsUnloadedWithItsLastUser) {
  const auto mapped = [] {
    std::ifstream maps("/proc/self/maps");
    const std::string text((std::istreambuf_iterator<char>(maps)), {});
    return text.find("memfd:abi-c_scorer.so") != std::string::npos;
  };
  {
    PluginHarness host;
    host.load(built("c_scorer"));
    const auto scorer = host.create("c-scorer", R"({"capacity": 4})");
    EXPECT_TRUE(mapped());
  }
  EXPECT_FALSE(mapped());
  EXPECT_EQ(Library::stayed_mapped(), 0u);
}

TEST(AbiCatalogue, TwoLibrariesWithOneTypeNeedANamedOne) {
  const TemporaryDirectory directory;
  directory.copy("c_scorer", "one.so");
  directory.copy("c_scorer", "two.so");
  directory.copy("wrong_major", "bad.so");
  directory.copy("no_entry", "libnot-ours.so.1");
  std::vector<CatalogueProblem> problems;
  const Catalogue catalogue = load_catalogue({directory.path().string(), "/nonexistent/plugins"}, {}, problems);

  EXPECT_EQ(catalogue.find("c-scorer", {}), nullptr);
  EXPECT_EQ(catalogue.libraries_of("c-scorer").size(), 2u);
  ASSERT_NE(catalogue.find("c-scorer", "two.so"), nullptr);
  EXPECT_THAT(catalogue.find("c-scorer", "two.so")->library, HasSubstr("/two.so"));
  EXPECT_TRUE(catalogue.find("c-scorer", "two.so")->roles.has(config::Role::kScorer));

  ASSERT_EQ(problems.size(), 2u);
  EXPECT_THAT(problems[0].text, HasSubstr("cannot read plugin directory \"/nonexistent/plugins\""));
  EXPECT_THAT(problems[1].path, HasSubstr("/bad.so"));
}

}  // namespace epp::plugins
