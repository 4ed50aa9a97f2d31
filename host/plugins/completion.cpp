#include "plugins/completion.h"

#include "plugins/request_context.h"

#include <utility>

namespace epp::plugins {

Completion::Completion(epp_status status, std::span<const epp_completion_value> values, std::string_view message)
    : status_(status), message_(message), values_(values.begin(), values.end()) {
  for (epp_completion_value& value : values_)
    value.value = arena_.copy(value.value);
}

// A token is an entry's address and the generation that it was opened in: generation:32 | index:28 | shard:4.
struct CompletionTable::Shard {
  struct Entry {
    uint32_t generation = 0;
    bool open = false;
    InstancePtr instance;
    std::shared_ptr<CompletionReceiver> receiver;
  };
  std::mutex mutex;
  std::vector<Entry> entries;
  std::vector<uint32_t> free;
  size_t open = 0;

  // The open entry of a token, or nullptr. Under the mutex.
  Entry* find(uint64_t token) {
    const auto index = static_cast<uint32_t>((token & 0xffffffffu) >> 4);
    if (index >= entries.size()) return nullptr;
    Entry& entry = entries[index];
    return entry.open && entry.generation == token >> 32 ? &entry : nullptr;
  }
  // Closes it and moves out what it held, to be released outside the mutex.
  Entry take(Entry& entry) {
    Entry taken{entry.generation, true, std::move(entry.instance), std::move(entry.receiver)};
    entry.open = false;
    free.push_back(static_cast<uint32_t>(&entry - entries.data()));
    --open;
    return taken;
  }
};

CompletionTable::CompletionTable() : shards_(std::make_unique<Shard[]>(kShards)) {}
CompletionTable::~CompletionTable() = default;

uint64_t CompletionTable::open(const InstancePtr& instance, std::shared_ptr<CompletionReceiver> receiver) {
  // Spread by instance and thread, so that producers on different threads rarely meet.
  static std::atomic<uint64_t> next_thread{0};
  thread_local const uint64_t thread = next_thread.fetch_add(1, std::memory_order_relaxed);
  const uint64_t number = thread % kShards;
  Shard& shard = shards_[number];
  const std::scoped_lock lock(shard.mutex);
  uint32_t index = 0;
  if (shard.free.empty()) {
    index = static_cast<uint32_t>(shard.entries.size());
    shard.entries.emplace_back();
    shard.free.reserve(shard.entries.capacity());
  } else {
    index = shard.free.back();
    shard.free.pop_back();
  }
  Shard::Entry& entry = shard.entries[index];
  if (++entry.generation == 0) entry.generation = 1;
  entry.open = true;
  entry.instance = instance;
  entry.receiver = std::move(receiver);
  ++shard.open;
  return (uint64_t{entry.generation} << 32) | (uint64_t{index} << 4) | number;
}

bool CompletionTable::close(uint64_t token) {
  Shard& shard = shards_[token % kShards];
  Shard::Entry taken;
  const std::scoped_lock lock(shard.mutex);
  Shard::Entry* entry = shard.find(token);
  if (entry == nullptr) return false;
  taken = shard.take(*entry);
  return true;
}

void CompletionTable::complete(const Instance& instance, uint64_t token, epp_status status,
                               std::span<const epp_completion_value> values, std::string_view message) {
  Shard& shard = shards_[token % kShards];
  Shard::Entry taken;
  {
    const std::scoped_lock lock(shard.mutex);
    Shard::Entry* entry = shard.find(token);
    if (entry != nullptr && entry->instance.get() == &instance) taken = shard.take(*entry);
  }
  if (!taken.open) {
    instance.count_fault(ExtensionPoint::kDataProducer, Fault::kLateCompletion,
                         "completion of a token nobody waits for");
    return;
  }
  if (taken.receiver != nullptr) taken.receiver->on_completion(token, Completion(status, values, message));
}

size_t CompletionTable::open_tokens() const {
  size_t count = 0;
  for (size_t i = 0; i < kShards; ++i) {
    const std::scoped_lock lock(shards_[i].mutex);
    count += shards_[i].open;
  }
  return count;
}

void apply_completion(const Instance& instance, const Completion& completion, RequestContext& request) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kDataProducer;
  for (const epp_completion_value& item : completion.values()) {
    const AttributeUse* use = instance.may_write(item.attr) ? instance.use_of(item.attr) : nullptr;
    const bool of_request = item.slot == EPP_SLOT_REQUEST;
    if (use == nullptr || use->type != item.value.type || use->kind != EPP_COLUMN_PER_REQUEST ||
        (use->scope == EPP_SCOPE_REQUEST) != of_request) {
      instance.count_fault(kPoint, Fault::kScopeWrite, "completed an attribute that was not declared so");
    } else if (of_request) {
      request.set_value(item.attr, item.value);
    } else if (!request.write_element(item.attr, item.slot, item.value)) {
      instance.count_fault(kPoint, Fault::kOutOfRange, "completed a slot that does not exist");
    }
  }
}

}  // namespace epp::plugins
