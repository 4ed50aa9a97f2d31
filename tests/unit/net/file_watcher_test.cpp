#include "net/file_watcher.h"

#include "net/io_pool.h"
#include "unit/net/events.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

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

TEST_F(FileWatcherTest, IsSilentOnceDestroyed) {
  write(file, "a");
  watch();
  watcher.reset();
  write(file, "bb");
  EXPECT_FALSE(events.next(milliseconds(60)));
}

}  // namespace
}  // namespace epp::net
