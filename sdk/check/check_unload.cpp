// unload.*: loaded and unloaded again and again, with a few requests each time.
#include "check/actor.h"
#include "check/elf_file.h"
#include "check/groups.h"
#include "check/process_state.h"
#include "check/subjects.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include <elf.h>

namespace epp::check {

namespace {

constexpr size_t kBytesPerCycle = 1024;

// Whether some copy of the library is mapped: it was loaded from a memory file of its name.
bool mapped(const std::string& file) {
  const std::string name = "/memfd:" + std::filesystem::path(file).filename().string();
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(name) != std::string::npos) return true;
  return false;
}

// Waits a moment for threads that are about to end.
bool threads_end(size_t expected) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (running_threads() > expected) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::string why_mapped(const std::string& file, bool threads_left) {
  std::string error;
  const auto elf = ElfFile::read(file, error);
  std::string why;
  const auto add = [&why](std::string_view reason) { why += (why.empty() ? "" : ", ") + std::string(reason); };
  if (threads_left) add("a thread of it still runs");
  if (elf && (elf->flags_1() & DF_1_NODELETE) != 0) add("it is marked NODELETE");
  if (elf) {
    const auto& symbols = elf->dynamic_symbols();
    if (std::any_of(symbols.begin(), symbols.end(),
                    [](const ElfFile::Symbol& symbol) { return symbol.defined && symbol.binding == STB_GNU_UNIQUE; })) {
      add("it defines GNU unique symbols");
    }
    if (elf->has_symbol("__cxa_thread_atexit_impl") || elf->has_symbol("__cxa_thread_atexit")) {
      add("a thread-local of it waits for its thread to end");
    }
  }
  if (why.empty()) why = "another library depends on it, or it holds a handle to itself";
  return why;
}

class UnloadCheck {
 public:
  UnloadCheck(const Options& options, Channel& channel) : options_(options), channel_(channel) {}

  void run() {
    const int cycles = options_.quick ? 20 : 100;
    const size_t threads = running_threads();
    size_t heap = 0;
    size_t descriptors = 0;
    for (int i = 0; i < cycles; ++i) {
      channel_.step("", "loading and unloading, time " + std::to_string(i + 1));
      if (!cycle()) return;
      const bool threads_left = !threads_end(threads);
      if (threads_left) {
        channel_.fail("unload.threads", "", std::to_string(running_threads() - threads) + " of its threads still run.");
      }
      if (mapped(options_.file)) {
        channel_.fail("unload.unmaps", "", "Stayed in memory: " + why_mapped(options_.file, threads_left) + '.');
        return;  // what it costs is known, then
      }
      if (threads_left) return;
      if (i == cycles / 2) {
        heap = heap_in_use();
        descriptors = open_descriptors();
      }
    }
    const size_t growth = heap_in_use() - std::min(heap_in_use(), heap);
    const auto counted = static_cast<size_t>(cycles - cycles / 2 - 1);
    if (growth > counted * kBytesPerCycle) {
      channel_.fail("unload.growth", "", "Each time leaves " + std::to_string(growth / counted) + " bytes.");
    }
    if (open_descriptors() > descriptors) {
      channel_.fail("unload.growth", "", std::to_string(open_descriptors() - descriptors) + " descriptors stay open.");
    }
  }

 private:
  bool cycle() {
    Stage loader(options_, channel_, "");
    std::string error;
    if (!loader.load(error)) return false;
    for (const epp_type* type : loader.library()->types()) {
      const std::string name(type->name.data, static_cast<size_t>(type->name.size));
      if (options_.type.empty() || options_.type == name) use(name, loader.library());
    }
    loader.unload();
    return true;
  }

  void use(const std::string& type, const plugins::LibraryPtr& library) {
    Stage stage(options_, channel_, type);
    stage.adopt(library);
    auto known = parameters_.find(type);
    if (known == parameters_.end()) known = parameters_.emplace(type, first_accepted(stage)).first;
    if (!known->second) return;
    std::string error;
    plugins::InstancePtr instance = stage.create(known->second->text, error);
    if (instance == nullptr) return;
    Random random(options_.seed);
    stage.set_endpoints(2, {}, random);
    {
      Actor actor(stage, instance, {}, options_.seed);
      if (actor.bind().empty()) {
        for (int i = 0; i < 3; ++i)
          actor.live({2, Values::kOrdinary, Shape::kSmall});
        actor.look({2, Values::kOrdinary, Shape::kEmpty});
      }
    }
    stage.destroy(instance);
  }

  const Options& options_;
  Channel& channel_;
  std::map<std::string, std::optional<ParameterSet>> parameters_;
};

}  // namespace

void check_unload(const Options& options, Channel& channel) {
  UnloadCheck(options, channel).run();
}

}  // namespace epp::check
