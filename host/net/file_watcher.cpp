#include "net/file_watcher.h"

#include "net/asio.h"

#include <algorithm>
#include <array>
#include <climits>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>
#include <string>
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

// Every directory whose entries decide what `path` leads to: its own and, for each symlink on the way, the next one's.
std::set<std::string> directories_on_the_way(std::string path) {
  std::set<std::string> directories;
  for (int links = 0; links < 40; ++links) {
    const std::string directory = directory_of(path);
    directories.insert(directory);
    std::array<char, PATH_MAX> target;
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size <= 0) {
      if (char* real = ::realpath(directory.c_str(), nullptr)) {
        directories.insert(real);
        std::free(real);
      }
      break;
    }
    std::string next(target.data(), static_cast<std::size_t>(size));
    path = next.starts_with('/') ? next : directory + "/" + next;
  }
  return directories;
}

}  // namespace

struct FileWatcher::State : std::enable_shared_from_this<State> {
  State(IoPool& pool, std::string watched, Callback fn, FileWatcherOptions given)
      : strand(asio::make_strand(pool.impl().context)),
        path(std::move(watched)),
        callback(std::move(fn)),
        options(given),
        descriptor(strand),
        timer(strand) {}

  void start() {
    last = identify(path);
    open_and_arm();
    asio::post(strand, [self = shared_from_this()] {
      self->read();
      self->wait(self->options.poll_interval);
    });
  }

  // inotify merges equal watches and forgets those of removed directories; a fresh instance per change of directories
  // is the simplest correct book-keeping.
  void open_and_arm() {
    ErrorCode ignored;
    descriptor.close(ignored);
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    directories = directories_on_the_way(path);
    if (fd < 0) return;  // polling still works
    for (const auto& directory : directories)
      ::inotify_add_watch(fd, directory.c_str(), kEvents);
    descriptor.assign(fd, ignored);
  }

  void read() {
    if (!descriptor.is_open()) return;
    descriptor.async_read_some(asio::buffer(events), [self = shared_from_this()](ErrorCode error, std::size_t) {
      if (error || self->stopped()) return;
      self->noticed();
      self->read();
    });
  }

  void noticed() {
    const auto now = Clock::now();
    if (!first_event) first_event = now;
    const auto latest = *first_event + options.debounce * 10;
    wait(std::max(std::min(now + options.debounce, latest) - now, Clock::duration(0)));
  }

  void wait(Clock::duration delay) {
    timer.expires_after(delay);
    timer.async_wait([self = shared_from_this()](ErrorCode error) {
      if (error || self->stopped()) return;
      self->look();
    });
  }

  void look() {
    // Armed anew before looking, so that nothing falls between; a watch may have died with its directory.
    open_and_arm();
    read();
    first_event.reset();
    const auto now = identify(path);
    if (now != last) {
      last = now;
      notify(now ? FileEvent::kChanged : FileEvent::kMissing);
    }
    if (!stopped()) wait(options.poll_interval);
  }

  void notify(FileEvent event) {
    {
      std::lock_guard lock(mutex);
      if (ended) return;
      running = std::this_thread::get_id();
    }
    struct Finish {
      State& state;
      ~Finish() {
        std::lock_guard lock(state.mutex);
        state.running = {};
        state.idle.notify_all();
      }
    } finish{*this};
    callback(event);
  }

  bool stopped() {
    std::lock_guard lock(mutex);
    return ended;
  }

  void stop() {
    std::unique_lock lock(mutex);
    ended = true;
    if (running != std::this_thread::get_id()) idle.wait(lock, [&] { return running == std::thread::id(); });
    lock.unlock();
    asio::post(strand, [self = shared_from_this()] {
      ErrorCode ignored;
      self->descriptor.close(ignored);
      self->timer.cancel();
    });
  }

  asio::strand<asio::io_context::executor_type> strand;
  const std::string path;
  const Callback callback;
  const FileWatcherOptions options;
  asio::posix::stream_descriptor descriptor;
  asio::steady_timer timer;
  std::array<char, 4096> events;
  std::set<std::string> directories;
  std::optional<Identity> last;
  std::optional<Clock::time_point> first_event;

  std::mutex mutex;
  std::condition_variable idle;
  std::thread::id running;
  bool ended = false;
};

FileWatcher::FileWatcher(IoPool& pool, std::string path, Callback callback, FileWatcherOptions options)
    : state_(std::make_shared<State>(pool, std::move(path), std::move(callback), options)) {
  state_->start();
}

FileWatcher::~FileWatcher() {
  state_->stop();
}

}  // namespace epp::net
