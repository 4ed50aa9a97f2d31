// Anything an API server, or what stands in its place, may answer: through splitter, reflector core and Store<Pod>.
// Nothing crashes or grows without bound; what is told is consistent; the way the bytes are cut does not matter.
//
// The input is a sequence of answers. Each begins with a byte that says how the request goes (status, failure, pieces);
// its body reaches to the next 0xFF byte.
#include "kube/objects.h"
#include "kube/reflector_core.h"
#include "kube/store.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace {

using namespace epp::kube;
using std::chrono::milliseconds;

void require(bool holds) {
  if (!holds) std::abort();
}

// What a listener of the store believes; it has to stay equal to the store.
struct Follower {
  std::map<std::string, std::string> versions;

  void apply(const Store<Pod>& store, const Store<Pod>::Changes& changes) {
    for (const Pod& pod : changes.removed)
      versions.erase(pod.meta.key());
    for (const Pod* pod : changes.upserted)
      versions[pod->meta.key()] = pod->meta.resource_version;
    require(versions.size() == store.objects().size());
    for (const auto& [key, pod] : store.objects())
      require(versions.contains(key) && versions[key] == pod.meta.resource_version);
  }
};

struct Run {
  explicit Run(bool bytewise) : single_bytes(bytewise) {}

  // Plays the whole input; every wait is skipped.
  void play(std::string_view input) {
    ReflectorCore::Ask ask = core.start();
    for (int i = 0; i < 64 && !input.empty(); ++i) {
      const auto how = static_cast<std::uint8_t>(input.front());
      const auto end = std::min(input.find('\xff', 1), input.size());
      ask = answer(how, input.substr(1, end - 1));
      require(ask.wait >= milliseconds(0) && ask.wait <= milliseconds(30'000));
      require(ask.watch == (ask.query.find("watch=1") != std::string::npos));
      require(!ask.watch || core.synced());
      story += ask.query + "+" + std::to_string(ask.wait.count()) + "\n";
      input.remove_prefix(end == input.size() ? end : end + 1);
    }
  }

  ReflectorCore::Ask answer(std::uint8_t how, std::string_view body) {
    now += milliseconds(how * 100);
    ApiResult result;
    result.what = "GET /pods";
    switch (how % 8) {
      case 0:
        result.status = 410;
        return core.ended(result, now);
      case 1:
        result.status = 404;
        return core.ended(result, now);
      case 2:
        result.status = how % 16 == 2 ? 403 : 503;
        return core.ended(result, now);
      default:
        break;
    }
    core.opened(now);
    const std::size_t step = single_bytes ? 1 : std::max<std::size_t>(body.size(), 1);
    bool wanted = true;
    for (std::size_t i = 0; i < body.size() && wanted; i += step)
      wanted = core.data(std::string(body.substr(i, step)), now);
    gave_up = gave_up || !wanted;
    if (how % 8 == 3 || !wanted) {
      result.error = wanted ? epp::net::NetError::kClosed : epp::net::NetError::kCancelled;
    } else {
      result.status = 200;
    }
    now += milliseconds(how * 100);
    return core.ended(result, now);
  }

  static ReflectorOptions options() {
    ReflectorOptions given;
    given.path = "/pods";
    given.max_object_bytes = 512;
    return given;
  }

  bool single_bytes;
  bool gave_up = false;
  std::string story;
  Follower follower;
  ReflectorCore::TimePoint now{std::chrono::hours(1)};
  Store<Pod> store{"pods", read_pod,
                   [this](const Store<Pod>& all, Store<Pod>::Changes& changes) { follower.apply(all, changes); },
                   nullptr};
  ReflectorCore core{options(), store, nullptr, [] { return 0.5; }};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Run whole(false);
  whole.play(input);
  Run bytes(true);
  bytes.play(input);
  // A piece is read to its end before an answer is given up in it.
  if (!whole.gave_up && !bytes.gave_up) {
    require(whole.story == bytes.story);
    require(whole.follower.versions == bytes.follower.versions);
  }
  return 0;
}
