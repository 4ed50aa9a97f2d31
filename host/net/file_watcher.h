// Tells when the content of a file, or of the files of some directories, may have changed, however it was changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace epp::net {

class IoPool;

namespace detail {
class Watch;
}

enum class FileEvent : std::uint8_t {
  kChanged,  // there is a file, and it is not the one (or not the content) seen before
  kMissing,  // there was a file, now there is none
};

struct FileWatcherOptions {
  // Quiet time after the last file-system event before the callback; bounded by ten times this while events go on.
  // While a file is seen to be written and not closed yet, it is waited for a good deal longer.
  std::chrono::milliseconds debounce{50};
  // How often the file is looked at when nothing was announced (network file systems, missing directories).
  std::chrono::milliseconds poll_interval{2'000};
};

// Watches the directories on the way to the file (its own and, through symlinks, the real one), never the file alone:
// writes in place, rename-over, symlink swaps of ConfigMap mounts, removal with late re-creation, and removal of the
// whole directory are all seen. Changes are judged by the file's identity, size and time stamps.
//
// The callback runs on a pool thread and never overlaps itself. Once the destructor returns it neither runs nor will
// run, unless the destructor is called from inside it. The state at construction is the base line: no event for it.
class FileWatcher {
 public:
  using Callback = std::function<void(FileEvent)>;

  FileWatcher(IoPool& pool, std::string path, Callback callback, FileWatcherOptions options = {});
  ~FileWatcher();
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

 private:
  std::shared_ptr<detail::Watch> watch_;
};

// The same for all files of the directories whose names end in `suffix`: one appears, changes or goes. Directories may
// be missing, and may be symlinks, as may the files.
class DirectoryWatcher {
 public:
  using Callback = std::function<void()>;

  DirectoryWatcher(IoPool& pool, std::vector<std::string> directories, const std::string& suffix, Callback callback,
                   FileWatcherOptions options = {});
  ~DirectoryWatcher();
  DirectoryWatcher(const DirectoryWatcher&) = delete;
  DirectoryWatcher& operator=(const DirectoryWatcher&) = delete;

 private:
  std::shared_ptr<detail::Watch> watch_;
};

}  // namespace epp::net
