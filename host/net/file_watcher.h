// Tells when a file's content may have changed, however it was changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace epp::net {

class IoPool;

enum class FileEvent : std::uint8_t {
  kChanged,  // there is a file, and it is not the one (or not the content) seen before
  kMissing,  // there was a file, now there is none
};

struct FileWatcherOptions {
  // Quiet time after the last file-system event before the callback; bounded by ten times this while events go on.
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
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace epp::net
