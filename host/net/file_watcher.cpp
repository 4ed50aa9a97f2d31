#include "net/file_watcher.h"

#include "net/asio.h"

#include <algorithm>
#include <array>
#include <climits>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace epp::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// For how long a writer that does not close its file is waited for.
constexpr std::chrono::seconds kLongestWrite{30};

// What tells one content of a path from another.
struct Identity {
  dev_t device;
  ino_t inode;
  off_t size;
  std::int64_t modified;
  std::int64_t changed;

  bool operator==(const Identity&) const = default;
};

std::optional<Identity> identify(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  const auto nanoseconds = [](const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; };
  return Identity{info.st_dev, info.st_ino, info.st_size, nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
}

// What a watch sees at one moment.
struct View {
  std::map<std::string, Identity> files;
  std::set<std::string> directories;  // whose entries decide what the paths lead to
  std::set<std::string> names;        // of those entries; what happens to others is of no interest
};
using Look = std::function<View()>;

void add_names(const std::string& path, std::set<std::string>& names) {
  for (const std::filesystem::path& part : std::filesystem::path(path))
    names.insert(part.string());
}

// Adds every directory whose entries decide what `path` leads to: its own and, for each symlink on the way, the next
// one's.
void add_way(std::string path, View& view) {
  for (int links = 0; links < 40; ++links) {
    const std::string directory = directory_of(path);
    view.directories.insert(directory);
    add_names(path, view.names);
    std::array<char, PATH_MAX> target;
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size <= 0) {
      if (char* real = ::realpath(directory.c_str(), nullptr)) {
        view.directories.insert(real);
        std::free(real);
      }
      return;
    }
    std::string next(target.data(), static_cast<std::size_t>(size));
    path = next.starts_with('/') ? next : directory + "/" + next;
  }
}

void add_file(const std::string& path, View& view) {
  if (const auto identity = identify(path)) view.files.emplace(path, *identity);
  add_way(path, view);
}

void add_directory(const std::string& directory, const std::string& suffix, View& view) {
  view.directories.insert(directory);
  add_way(directory, view);
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string path = entries->path().string();
    if (path.ends_with(suffix)) add_file(path, view);
  }
}

}  // namespace

namespace detail {

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  using Changed = std::function<void(const View& now)>;

  // Names that end in `suffix` are of interest, too, unless it is empty.
  Watch(IoPool& pool, Look look, std::string suffix, Changed changed, FileWatcherOptions options)
      : strand_(asio::make_strand(pool.impl().context)),
        look_(std::move(look)),
        suffix_(std::move(suffix)),
        changed_(std::move(changed)),
        options_(options),
        descriptor_(strand_),
        timer_(strand_) {}

  void start() {
    last_ = look_();
    arm(last_.directories);
    asio::post(strand_, [self = shared_from_this()] {
      self->read();
      self->wait(self->options_.poll_interval);
    });
  }

  void stop() {
    std::unique_lock lock(mutex_);
    ended_ = true;
    if (running_ != std::this_thread::get_id()) idle_.wait(lock, [&] { return running_ == std::thread::id(); });
    lock.unlock();
    asio::post(strand_, [self = shared_from_this()] {
      ErrorCode ignored;
      self->descriptor_.close(ignored);
      self->timer_.cancel();
    });
  }

 private:
  // inotify merges equal watches and forgets those of removed directories; a fresh instance per look is the simplest
  // correct book-keeping.
  void arm(const std::set<std::string>& directories) {
    ErrorCode ignored;
    descriptor_.close(ignored);
    ++armed_;
    watched_.clear();
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return;  // polling still works
    for (const auto& directory : directories) {
      const int number = ::inotify_add_watch(fd, directory.c_str(), kEvents);
      if (number >= 0) watched_.emplace(number, directory);
    }
    descriptor_.assign(fd, ignored);
  }

  void read() {
    if (!descriptor_.is_open()) return;
    const auto finished = [self = shared_from_this(), armed = armed_](ErrorCode error, std::size_t size) {
      // What an instance said that was replaced meanwhile is part of what the look after it saw.
      if (error || armed != self->armed_ || self->stopped()) return;
      self->noticed(size);
      self->read();
    };
    descriptor_.async_read_some(asio::buffer(events_), finished);
  }

  void noticed(std::size_t size) {
    bool matters = false;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
      inotify_event event;
      std::memcpy(&event, events_.data() + at, sizeof event);
      const char* const name = events_.data() + at + sizeof event;
      matters = note(event, std::string(name, ::strnlen(name, event.len))) || matters;
      at += sizeof event + event.len;
    }
    if (!matters) return;
    const auto now = Clock::now();
    if (!first_event_) first_event_ = now;
    const auto latest = *first_event_ + options_.debounce * 10;
    wait(std::max(std::min(now + options_.debounce, latest) - now, Clock::duration(0)));
  }

  // False for what is of no interest: in a busy directory others come and go.
  bool note(const inotify_event& event, const std::string& name) {
    const bool of_suffix = !suffix_.empty() && name.ends_with(suffix_);
    if (!name.empty() && !of_suffix && !last_.names.contains(name)) return false;
    const auto directory = watched_.find(event.wd);
    if (directory == watched_.end()) return true;
    // A write that no close has followed: the file is not complete.
    const std::string path = directory->second + "/" + name;
    if ((event.mask & IN_MODIFY) != 0) being_written_.insert(path);
    if ((event.mask & (IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM)) != 0) being_written_.erase(path);
    return true;
  }

  void wait(Clock::duration delay) {
    timer_.expires_after(delay);
    timer_.async_wait([self = shared_from_this()](ErrorCode error) {
      if (error || self->stopped()) return;
      self->due();
    });
  }

  void due() {
    if (!being_written_.empty() && first_event_ && Clock::now() - *first_event_ < kLongestWrite) {
      wait(options_.debounce);
      return;
    }
    being_written_.clear();
    first_event_.reset();
    // Armed before the look that counts, so that nothing falls between; a watch may have died with its directory.
    arm(look_().directories);
    read();
    View now = look_();
    const bool changed = now.files != last_.files;
    last_ = std::move(now);
    if (changed) notify();
    if (!stopped()) wait(options_.poll_interval);
  }

  void notify() {
    {
      std::lock_guard lock(mutex_);
      if (ended_) return;
      running_ = std::this_thread::get_id();
    }
    struct Finish {
      Watch& watch;
      ~Finish() {
        std::lock_guard lock(watch.mutex_);
        watch.running_ = {};
        watch.idle_.notify_all();
      }
    } finish{*this};
    changed_(last_);
  }

  bool stopped() {
    std::lock_guard lock(mutex_);
    return ended_;
  }

  asio::strand<asio::io_context::executor_type> strand_;
  const Look look_;
  const std::string suffix_;
  const Changed changed_;
  const FileWatcherOptions options_;
  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer timer_;
  std::uint64_t armed_ = 0;  // how often
  std::array<char, 4096> events_;
  std::map<int, std::string> watched_;   // directories by inotify's number
  std::set<std::string> being_written_;  // paths
  View last_;
  std::optional<Clock::time_point> first_event_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::thread::id running_;
  bool ended_ = false;
};

}  // namespace detail

namespace {

std::shared_ptr<detail::Watch> start_watch(IoPool& pool, Look look, std::string suffix, detail::Watch::Changed changed,
                                           FileWatcherOptions options) {
  auto watch = std::make_shared<detail::Watch>(pool, std::move(look), std::move(suffix), std::move(changed), options);
  watch->start();
  return watch;
}

}  // namespace

FileWatcher::FileWatcher(IoPool& pool, std::string path, Callback callback, FileWatcherOptions options)
    : watch_(start_watch(
          pool,
          [path = std::move(path)] {
            View view;
            add_file(path, view);
            return view;
          },
          std::string(),
          [callback = std::move(callback)](const View& now) {
            callback(now.files.empty() ? FileEvent::kMissing : FileEvent::kChanged);
          },
          options)) {}

FileWatcher::~FileWatcher() {
  watch_->stop();
}

DirectoryWatcher::DirectoryWatcher(IoPool& pool, std::vector<std::string> directories, const std::string& suffix,
                                   Callback callback, FileWatcherOptions options)
    : watch_(start_watch(
          pool,
          [directories = std::move(directories), suffix] {
            View view;
            for (const std::string& directory : directories)
              add_directory(directory, suffix, view);
            return view;
          },
          suffix, [callback = std::move(callback)](const View&) { callback(); }, options)) {}

DirectoryWatcher::~DirectoryWatcher() {
  watch_->stop();
}

}  // namespace epp::net
