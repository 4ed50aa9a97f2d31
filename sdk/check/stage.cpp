#include "check/stage.h"

#include "check/creation.h"
#include "check/odd_values.h"
#include "check/watch.h"
#include "plugins/factory.h"
#include "plugins/library_image.h"

#include <algorithm>
#include <array>
#include <utility>

namespace epp::check {

namespace {

endpoints::ScrapedValues values_for(const std::vector<plugins::AttributeUse>& uses, Values kind, Random& random) {
  endpoints::ScrapedValues values;
  for (const plugins::AttributeUse& use : uses) {
    if (random.one_in(8)) continue;  // this endpoint does not have it
    switch (use.type) {
      case EPP_TYPE_F64:
        values.set(use.id, odd_f64(kind, random));
        break;
      case EPP_TYPE_I64:
        values.set(use.id, odd_i64(kind, random));
        break;
      case EPP_TYPE_STR:
        values.set(use.id, odd_text(kind, random));
        break;
      case EPP_TYPE_STR_LIST:
        values.set(use.id, odd_texts(kind, random));
        break;
      case EPP_TYPE_BYTES:
        values.set_bytes(use.id, odd_text(kind, random));
        break;
      default:
        break;
    }
  }
  return values;
}

}  // namespace

std::string_view to_string(Values values) {
  static constexpr std::array<std::string_view, 3> kNames = {"missing", "ordinary", "extreme"};
  return kNames[static_cast<size_t>(values)];
}

Stage::Stage(const Options& options, Channel& channel, std::string type)
    : options_(options),
      channel_(channel),
      type_(std::move(type)),
      table_(std::make_unique<endpoints::EndpointTable>(attributes_)) {
  plugins::install_clock(&clock_);
  Watch::get().attach(channel, type_);
  metrics_.attach(channel, type_);
  environment_.attributes = &attributes_;
  environment_.table = table_.get();
  environment_.completions = &completions_;
  environment_.graveyard = std::make_shared<plugins::Graveyard>();
  environment_.log = &log_;
  environment_.timers = &timers_;
  environment_.metrics = &metrics_;
  environment_.observer = this;
}

Stage::~Stage() {
  environment_.graveyard->collect();
  plugins::install_clock(nullptr);
}

bool Stage::load(std::string& error) {
  const Watch::Scope scope(Doing::kMain, "loading");
  plugins::LoadOptions load_options;
  // Pinned to what it is: who else may write to it has a check of its own.
  if (const auto image = plugins::LibraryImage::open(options_.file, error)) {
    load_options.pinned_sha256 = image->sha256();
  } else {
    return false;
  }
  library_ = plugins::Library::load(options_.file, load_options, error);
  return library_ != nullptr;
}

const epp_type* Stage::descriptor() const {
  return library_->find(type_);
}

plugins::InstancePtr Stage::create(const std::string& parameters, std::string& error, bool judge_tables) {
  WatchedType type(*descriptor(), *this, judge_tables);
  plugins::InstanceSpec spec;
  spec.type = type_;
  spec.name = type_;
  spec.parameters = parameters;
  spec.library = library_;
  spec.descriptor = &type.descriptor();
  plugins::InstancePtr instance = plugins::make_instance(spec, environment_, error);
  type.finished(instance != nullptr);
  return instance;
}

void Stage::destroy(plugins::InstancePtr& instance) {
  instance.reset();
  Destruction destruction(*this);
  environment_.graveyard->collect();
}

void Stage::on_fault(const plugins::Instance&, plugins::ExtensionPoint, plugins::Fault fault,
                     std::string_view message) {
  if (fault == plugins::Fault::kScopeRead) {
    channel_.fail(
        "calls.scope", type_,
        std::string("Read \"") + std::string(message) + "\" without declaring it, in " + Watch::place() + '.');
  } else if (fault == plugins::Fault::kScopeWrite) {
    channel_.fail("calls.scope", type_,
                  "Wrote where it may not: " + std::string(message) + ", in " + Watch::place() + '.');
  }
}

// ---- endpoints ----

endpoints::EndpointSpec Stage::make_spec(Random& random) {
  const uint64_t i = endpoints_made_++;
  endpoints::EndpointSpec spec;
  spec.name = "pod-" + std::to_string(i) + "-rank-0";
  spec.workload = "pod-" + std::to_string(i);
  spec.address = i % 16 == 15 ? "fd00::" + std::to_string(i % 9999 + 1)
                              : "10." + std::to_string(i >> 16 & 255) + '.' + std::to_string(i >> 8 & 255) + '.' +
                                    std::to_string(i & 255);
  spec.port = std::to_string(8000 + i % 4);
  spec.rank = static_cast<uint32_t>(i % 4);
  if (!random.one_in(4)) spec.node_address = "192.168.0." + std::to_string(i % 250 + 1);
  static constexpr std::array<const char*, 4> kRoles = {"prefill", "decode", "both", "other"};
  if (!random.one_in(4)) spec.labels.emplace_back("llm-d.ai/role", kRoles[random.below(kRoles.size())]);
  for (int n = 0; n < 2 && !words_.empty(); ++n) {
    const std::string& key = words_[random.below(words_.size())];
    if (key != "llm-d.ai/role") spec.labels.emplace_back(key, words_[random.below(words_.size())]);
  }
  std::sort(spec.labels.begin(), spec.labels.end());
  const auto same_key = [](const auto& a, const auto& b) { return a.first == b.first; };
  spec.labels.erase(std::unique(spec.labels.begin(), spec.labels.end(), same_key), spec.labels.end());
  return spec;
}

void Stage::set_endpoints(uint32_t count, const std::vector<std::string>& words, Random& random) {
  words_ = words;
  // Three more that go again leave holes in the slots.
  std::vector<endpoints::EndpointSpec> specs;
  for (uint32_t i = 0; i < count + 3; ++i)
    specs.push_back(make_spec(random));
  const Watch::Scope scope(Doing::kCall, "epp.endpoint-events/1");
  table_->replace(specs);
  std::vector<endpoints::EndpointChange> holes;
  for (const size_t at : {size_t{0}, specs.size() / 2, specs.size() - 1})
    holes.push_back({endpoints::EndpointChange::Kind::kRemove, {}, specs[at].id()});
  table_->apply(std::move(holes));
}

void Stage::churn(Random& random) {
  const endpoints::SnapshotPtr now = table_->snapshot();
  std::vector<endpoints::EndpointChange> changes;
  using Kind = endpoints::EndpointChange::Kind;
  changes.push_back({Kind::kUpsert, make_spec(random), {}});
  if (now->size() > 2) {
    const auto pick = [&] { return now->endpoint(now->slots()[random.below(now->size())]); };
    changes.push_back({Kind::kRemove, {}, pick()->id()});
    endpoints::EndpointSpec changed = pick()->spec();
    changed.labels = {{"changed", std::to_string(random.below(1000))}};
    changes.push_back({Kind::kUpsert, std::move(changed), {}});
  }
  const Watch::Scope scope(Doing::kCall, "epp.endpoint-events/1");
  table_->apply(std::move(changes));
}

void Stage::fill(const plugins::Instance& instance, Values values, Random& random) {
  std::vector<plugins::AttributeUse> scraped;
  for (const plugins::AttributeUse& use : instance.uses()) {
    if (use.access == EPP_ACCESS_PRODUCE || use.scope != EPP_SCOPE_ENDPOINT) continue;
    // Nobody else has said where its values stand, so these are scraped ones, unless its own producer did.
    if (attributes_.intern(use.key, use.type, endpoints::Storage::kSnapshot) != EPP_ATTR_NONE) scraped.push_back(use);
  }
  if (values == Values::kMissing || scraped.empty()) return;
  const endpoints::SnapshotPtr now = table_->snapshot();
  for (const uint32_t slot : now->slots()) {
    const endpoints::EndpointPtr& endpoint = now->endpoint(slot);
    table_->store(*endpoint, values_for(scraped, values, random));
  }
  table_->publish();
}

int64_t Stage::live_sum(const plugins::Instance& instance) {
  int64_t sum = 0;
  const endpoints::SnapshotPtr now = table_->snapshot();
  for (const plugins::AttributeUse& use : instance.uses()) {
    if (use.access != EPP_ACCESS_PRODUCE || use.kind != EPP_COLUMN_LIVE) continue;
    const int64_t* column = table_->live_column(use.id);
    for (const uint32_t slot : now->slots()) {
      const int64_t value = __atomic_load_n(&column[slot], __ATOMIC_RELAXED);
      if (value != EPP_I64_MISSING) sum += value;
    }
  }
  return sum;
}

}  // namespace epp::check
