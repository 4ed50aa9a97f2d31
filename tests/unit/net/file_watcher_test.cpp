#include "net/file_watcher.h"

#include "net/io_pool.h"
#include "unit/net/events.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::net {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class FileWatcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "epp-watch-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
    file = root / "endpoints.yaml";
  }
  void TearDown() override {
    watcher.reset();
    fs::remove_all(root);
  }

  static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

  // Polling is off, so that only announced changes count.
  void watch(milliseconds poll = std::chrono::hours(1), milliseconds debounce = milliseconds(5)) {
    watcher = std::make_unique<FileWatcher>(
        pool, file.string(), [this](FileEvent event) { events.push(event); }, FileWatcherOptions{debounce, poll});
  }

  IoPool pool{2};
  fs::path root;
  fs::path file;
  testing::Events<FileEvent> events;
  std::unique_ptr<FileWatcher> watcher;
};

TEST_F(FileWatcherTest, SeesWritesInPlace) {
  write(file, "a");
  watch();
  write(file, "bb");
  EXPECT_EQ(events.next(), FileEvent::kChanged);
  write(file, "ccc");
  EXPECT_EQ(events.next(), FileEvent::kChanged);
}

TEST_F(FileWatcherTest, SeesRenameOver) {
  write(file, "a");
  watch();
  for (int round = 0; round < 3; ++round) {
    write(root / "new", "b" + std::to_string(round));
    fs::rename(root / "new", file);
    EXPECT_EQ(events.next(), FileEvent::kChanged) << round;
  }
}

TEST_F(FileWatcherTest, SurvivesRemovalAndLateReturn) {
  write(file, "a");
  watch();
  fs::remove(file);
  EXPECT_EQ(events.next(), FileEvent::kMissing);
  write(file, "b");
  EXPECT_EQ(events.next(), FileEvent::kChanged);
  fs::rename(file, root / "away");
  EXPECT_EQ(events.next(), FileEvent::kMissing);
  fs::rename(root / "away", file);
  EXPECT_EQ(events.next(), FileEvent::kChanged);
}

TEST_F(FileWatcherTest, SeesTheSymlinkSwapOfAConfigMap) {
  fs::create_directory(root / "..1");
  write(root / "..1" / "endpoints.yaml", "a");
  fs::create_directory_symlink("..1", root / "..data");
  fs::create_symlink("..data/endpoints.yaml", file);
  watch();
  for (int round = 2; round < 5; ++round) {
    const std::string next = ".." + std::to_string(round);
    fs::create_directory(root / next);
    write(root / next / "endpoints.yaml", "content " + std::to_string(round));
    fs::create_directory_symlink(next, root / "..data_tmp");
    fs::rename(root / "..data_tmp", root / "..data");
    EXPECT_EQ(events.next(), FileEvent::kChanged) << round;
    fs::remove_all(root / (".." + std::to_string(round - 1)));
  }
}

TEST_F(FileWatcherTest, FollowsALinkIntoAnotherDirectory) {
  fs::create_directory(root / "elsewhere");
  write(root / "elsewhere" / "real", "a");
  fs::create_symlink(root / "elsewhere" / "real", file);
  watch();
  write(root / "elsewhere" / "real", "longer");
  EXPECT_EQ(events.next(), FileEvent::kChanged);
}

TEST_F(FileWatcherTest, FindsAFileWhoseDirectoryComesLater) {
  file = root / "later" / "endpoints.yaml";
  watch(milliseconds(10));
  fs::create_directory(root / "later");
  write(file, "a");
  EXPECT_EQ(events.next(), FileEvent::kChanged);
  fs::remove_all(root / "later");
  EXPECT_EQ(events.next(), FileEvent::kMissing);
  fs::create_directory(root / "later");
  write(file, "b");
  EXPECT_EQ(events.next(), FileEvent::kChanged);
}

TEST_F(FileWatcherTest, IgnoresOtherFilesAndCollectsBursts) {
  write(file, "a");
  watch(std::chrono::hours(1), milliseconds(200));
  write(root / "other", "x");
  EXPECT_FALSE(events.next(milliseconds(300)));
  for (int i = 0; i < 20; ++i)
    write(file, std::string(static_cast<std::size_t>(i + 2), 'z'));
  EXPECT_EQ(events.next(), FileEvent::kChanged);
  EXPECT_FALSE(events.next(milliseconds(400))) << "one burst, one event";
}

TEST_F(FileWatcherTest, WaitsForAWriterToClose) {
  write(file, "a");
  watch(std::chrono::hours(1), milliseconds(5));
  {
    std::ofstream slow(file);
    slow << "half" << std::flush;
    // Ten times as long as events alone would be waited for.
    EXPECT_FALSE(events.next(milliseconds(500)));
    slow << "whole";
  }
  EXPECT_EQ(events.next(), FileEvent::kChanged);
}

TEST_F(FileWatcherTest, IsSilentOnceDestroyed) {
  write(file, "a");
  watch();
  watcher.reset();
  write(file, "bb");
  EXPECT_FALSE(events.next(milliseconds(60)));
}

class DirectoryWatcherTest : public FileWatcherTest {
 protected:
  void watch_libraries(std::initializer_list<fs::path> directories, milliseconds poll = std::chrono::hours(1)) {
    std::vector<std::string> paths;
    for (const fs::path& directory : directories)
      paths.push_back(directory.string());
    watcher_ = std::make_unique<DirectoryWatcher>(
        pool, paths, ".so", [this] { changes.push(true); }, FileWatcherOptions{milliseconds(5), poll});
  }
  void TearDown() override {
    watcher_.reset();
    FileWatcherTest::TearDown();
  }

  testing::Events<bool> changes;
  std::unique_ptr<DirectoryWatcher> watcher_;
};

TEST_F(DirectoryWatcherTest, SeesFilesComeChangeAndGo) {
  watch_libraries({root});
  write(root / "a.so", "1");
  EXPECT_TRUE(changes.next());
  write(root / "fresh", "2");
  fs::rename(root / "fresh", root / "a.so");
  EXPECT_TRUE(changes.next());
  fs::remove(root / "a.so");
  EXPECT_TRUE(changes.next());
}

TEST_F(DirectoryWatcherTest, OtherFilesDoNotCount) {
  watch_libraries({root});
  write(root / "README.md", "x");
  EXPECT_FALSE(changes.next(milliseconds(100)));
}

TEST_F(DirectoryWatcherTest, FollowsLinksOfDirectoriesAndFiles) {
  fs::create_directory(root / "v1");
  fs::create_directory(root / "v2");
  write(root / "v1" / "a.so", "1");
  write(root / "v2" / "a.so", "2");
  fs::create_directory_symlink("v1", root / "current");
  fs::create_directory(root / "linked");
  fs::create_symlink(root / "v1" / "a.so", root / "linked" / "a.so");
  watch_libraries({root / "current", root / "linked"});
  fs::create_directory_symlink("v2", root / "next");
  fs::rename(root / "next", root / "current");
  EXPECT_TRUE(changes.next());
  write(root / "v1" / "a.so", "changed");
  EXPECT_TRUE(changes.next()) << "linked to from another directory";
}

TEST_F(DirectoryWatcherTest, OthersThatWriteNextToItAreNotWaitedFor) {
  fs::create_directory(root / "plugins");
  watch_libraries({root / "plugins"});
  std::ofstream log(root / "log");  // in the directory that decides what "plugins" is
  log << "line" << std::flush;
  write(root / "plugins" / "a.so", "1");
  EXPECT_TRUE(changes.next(milliseconds(5'000)));
}

TEST_F(DirectoryWatcherTest, FindsADirectoryThatComesLater) {
  watch_libraries({root / "later"}, milliseconds(10));
  fs::create_directory(root / "later");
  write(root / "later" / "a.so", "1");
  EXPECT_TRUE(changes.next());
}

TEST_F(DirectoryWatcherTest, ABurstIsOneChange) {
  std::vector<std::string> paths{root.string()};
  watcher_ = std::make_unique<DirectoryWatcher>(
      pool, paths, ".so", [this] { changes.push(true); }, FileWatcherOptions{milliseconds(100), std::chrono::hours(1)});
  for (int i = 0; i < 20; ++i)
    write(root / (std::to_string(i) + ".so"), "x");
  EXPECT_TRUE(changes.next());
  EXPECT_FALSE(changes.next(milliseconds(250)));
}

}  // namespace
}  // namespace epp::net
