// Which file is which library, with a real one.
#include "plugins/library_cache.h"

#include "support/files.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace epp::plugins {
namespace {

namespace fs = std::filesystem;

struct LibraryCacheTest : ::testing::Test {
  LibraryCacheTest() { install("queue-scorer"); }
  // By a rename, as an operator should.
  void install(const std::string& name) const {
    const fs::path fresh = directory.path() / "fresh";
    fs::copy_file(fs::path(EPP_PLUGIN_DIR) / (name + ".so"), fresh, fs::copy_options::overwrite_existing);
    fs::permissions(fresh, fs::perms::owner_all);
    fs::rename(fresh, path());
  }
  std::string path() const { return (directory.path() / "plugin.so").string(); }
  LibraryPtr load(const LoadOptions& options = {}) { return cache.load(path(), options, error); }

  epp::testing::TempDir directory;
  LibraryCache cache;
  std::string error;
};

TEST_F(LibraryCacheTest, TheSameBytesAreTheSameLibrary) {
  const uint64_t before = Library::loaded();
  const LibraryPtr first = load();
  ASSERT_NE(first, nullptr) << error;
  EXPECT_EQ(load(), first);
  install("queue-scorer");
  EXPECT_EQ(load(), first);
  EXPECT_EQ(Library::loaded(), before + 1);
}

TEST_F(LibraryCacheTest, OtherBytesAreAnotherLibrary) {
  const LibraryPtr first = load();
  install("random-picker");
  const LibraryPtr second = load();
  ASSERT_NE(second, nullptr) << error;
  EXPECT_NE(second, first);
  EXPECT_NE(second->sha256(), first->sha256());
  EXPECT_EQ(load(), second);
}

TEST_F(LibraryCacheTest, NothingIsKeptLoaded) {
  const uint64_t before = Library::loaded();
  ASSERT_NE(load(), nullptr) << error;
  EXPECT_EQ(Library::loaded(), before);
  EXPECT_NE(load(), nullptr) << error;
}

TEST_F(LibraryCacheTest, PinsAndPermissionsAreJudgedEveryTime) {
  const LibraryPtr first = load();
  ASSERT_NE(first, nullptr) << error;
  EXPECT_EQ(load({.pinned_sha256 = std::string(64, '0')}), nullptr);
  EXPECT_NE(error.find("pinned"), std::string::npos) << error;
  fs::permissions(directory.path(), fs::perms::group_write, fs::perm_options::add);
  EXPECT_EQ(load(), nullptr);
  EXPECT_NE(error.find("directory is writable"), std::string::npos) << error;
  EXPECT_EQ(load({.pinned_sha256 = first->sha256()}), first);
  fs::permissions(directory.path(), fs::perms::group_write, fs::perm_options::remove);
  EXPECT_EQ(load(), first);
}

TEST_F(LibraryCacheTest, ABrokenFileDoesNotForgetTheGoodOne) {
  const LibraryPtr first = load();
  epp::testing::write_file(path(), "not a library");
  EXPECT_EQ(load(), nullptr);
  EXPECT_FALSE(error.empty());
  install("queue-scorer");
  EXPECT_EQ(load(), first);
}

}  // namespace
}  // namespace epp::plugins
