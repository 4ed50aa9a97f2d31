#include "scrape/core_metrics.h"

#include <epp/keys.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace epp::scrape {
namespace {

using endpoints::AttributeRegistry;
using endpoints::Endpoint;
using endpoints::ScrapedValues;
using endpoints::Storage;

epp_attr intern(AttributeRegistry& attributes, const std::string& key, std::uint32_t type) {
  const epp_attr attr = attributes.intern(key, type, Storage::kSnapshot);
  if (attr == EPP_ATTR_NONE) throw ParameterError("attribute \"" + key + "\" is already known with another type");
  return attr;
}

struct CoreAttributes {
  explicit CoreAttributes(AttributeRegistry& attributes)
      : queued(intern(attributes, EPP_KEY_WAITING_QUEUE_SIZE, EPP_TYPE_F64)),
        running(intern(attributes, EPP_KEY_RUNNING_REQUESTS_SIZE, EPP_TYPE_F64)),
        kv_usage(intern(attributes, EPP_KEY_KV_CACHE_USAGE, EPP_TYPE_F64)),
        active_models(intern(attributes, EPP_KEY_ACTIVE_MODELS, EPP_TYPE_STR_LIST)),
        waiting_models(intern(attributes, EPP_KEY_WAITING_MODELS, EPP_TYPE_STR_LIST)),
        max_models(intern(attributes, EPP_KEY_MAX_ACTIVE_MODELS, EPP_TYPE_F64)),
        block_size(intern(attributes, EPP_KEY_CACHE_BLOCK_SIZE, EPP_TYPE_F64)),
        num_blocks(intern(attributes, EPP_KEY_CACHE_NUM_BLOCKS, EPP_TYPE_F64)) {}

  epp_attr queued;
  epp_attr running;
  epp_attr kv_usage;
  epp_attr active_models;
  epp_attr waiting_models;
  epp_attr max_models;
  epp_attr block_size;
  epp_attr num_blocks;
};

// What becomes of the series that is picked.
enum class Use : std::uint8_t { kInteger, kFloat, kLora, kCacheInfo };

// What was picked so far from one page.
struct Pick {
  bool family_seen = false;
  bool found = false;
  bool untyped = false;
  double value = 0;
  double count = 0;
  std::int64_t timestamp_ms = 0;
  std::string_view labels;
};

void join(std::string& errors, std::string_view text) {
  if (!errors.empty()) errors += "; ";
  errors += text;
}

std::vector<std::string> split_names(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const auto first = name.find_first_not_of(" \t\n\r");
    if (first == std::string_view::npos) continue;
    name = name.substr(first, name.find_last_not_of(" \t\n\r") - first + 1);
    names.emplace_back(name);
  }
  return names;
}

std::optional<double> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(value);
}

std::optional<double> truncate(double value) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(value >= -kLimit && value < kLimit)) return std::nullopt;
  return std::trunc(value);
}

}  // namespace

// A mapping, made ready for reading pages.
struct CoreMetricsExtractor::Engine {
  struct Item {
    MetricSpec spec;
    std::uint32_t family;
    Use use;
    epp_attr attr;
  };

  Engine(EngineMapping given, const CoreAttributes& core, AttributeRegistry& attributes)
      : mapping(std::move(given)), core_attributes(core) {
    add(mapping.queued, Use::kInteger, core.queued);
    add(mapping.running, Use::kInteger, core.running);
    add(mapping.kv_usage, Use::kFloat, core.kv_usage);
    add(mapping.lora, Use::kLora, EPP_ATTR_NONE);
    add(mapping.cache_info, Use::kCacheInfo, EPP_ATTR_NONE);
    add(mapping.cache_block_size, Use::kInteger, core.block_size);
    add(mapping.cache_num_blocks, Use::kInteger, core.num_blocks);
    for (const auto& custom : mapping.custom) {
      add(custom.spec, Use::kFloat, intern(attributes, custom.attribute_key + "/" + std::string(kType), EPP_TYPE_F64));
    }
  }

  void add(const std::optional<MetricSpec>& spec, Use use, epp_attr attr) {
    if (spec) items.push_back({*spec, families.add(spec->name), use, attr});
  }

  void consider(const Item& item, const Sample& sample, const CoreMetricsParameters& parameters, Pick& pick) const;
  void apply(const Item& item, const Pick& pick, const CoreMetricsParameters& parameters, ScrapedValues& values,
             Extraction& result) const;
  void apply_lora(std::string_view labels, ScrapedValues& values, Extraction& result) const;
  void apply_cache_info(std::string_view labels, bool reset, ScrapedValues& values, Extraction& result) const;

  EngineMapping mapping;
  CoreAttributes core_attributes;
  FamilySelection families;
  std::vector<Item> items;
};

void CoreMetricsExtractor::Engine::consider(const Item& item, const Sample& sample,
                                            const CoreMetricsParameters& parameters, Pick& pick) const {
  pick.family_seen = true;
  if (!item.spec.matches(sample.labels)) return;
  const bool typed = sample.type == FamilyType::kGauge || sample.type == FamilyType::kCounter;
  const bool as_value = typed || (sample.type == FamilyType::kUntyped && parameters.untyped == UntypedValue::kValue);
  const double value = as_value ? sample.value : 0;

  if (item.use == Use::kLora) {
    // The value is the engine's last update time.
    if (!(value > (pick.found ? pick.value : -1.0))) return;
  } else if (item.use != Use::kCacheInfo && parameters.series != SeriesChoice::kNewest) {
    pick.untyped = pick.untyped || !typed;
    pick.value = !pick.found                               ? value
                 : parameters.series == SeriesChoice::kMax ? std::max(pick.value, value)
                                                           : pick.value + value;
    pick.count += 1;
    pick.found = true;
    return;
  } else if (pick.found && sample.timestamp_ms <= pick.timestamp_ms) {
    return;
  }
  pick.found = true;
  pick.untyped = !typed;
  pick.value = value;
  pick.timestamp_ms = sample.has_timestamp ? sample.timestamp_ms : 0;
  pick.labels = sample.labels;
}

void CoreMetricsExtractor::Engine::apply(const Item& item, const Pick& pick, const CoreMetricsParameters& parameters,
                                         ScrapedValues& values, Extraction& result) const {
  if (!pick.found) {
    if (item.use == Use::kLora) return;
    if (!pick.family_seen) {
      join(result.errors, "metric family \"" + item.spec.name + "\" not found");
    } else {
      join(result.errors, "no series of metric family \"" + item.spec.name + "\" matches " + item.spec.text());
    }
    return;
  }
  if (item.use == Use::kLora) return apply_lora(pick.labels, values, result);
  if (item.use == Use::kCacheInfo) return apply_cache_info(pick.labels, parameters.reset_cache_info, values, result);

  if (pick.untyped && parameters.untyped == UntypedValue::kError) {
    join(result.errors, "metric family \"" + item.spec.name + "\" is neither gauge nor counter");
    return;
  }
  double value = pick.value;
  if (parameters.series == SeriesChoice::kAverage) value /= pick.count;
  if (item.use == Use::kInteger) {
    const auto whole = truncate(value);
    if (!whole) {
      join(result.errors, "value of metric family \"" + item.spec.name + "\" is not an integer");
      return;
    }
    value = *whole;
  }
  values.set(item.attr, value);
  result.updated = true;
}

void CoreMetricsExtractor::Engine::apply_lora(std::string_view labels, ScrapedValues& values,
                                              Extraction& result) const {
  const auto names = [&](std::string_view label) {
    const auto raw = find_label(labels, label);
    return raw ? split_names(unescape_label_value(*raw)) : std::vector<std::string>();
  };
  values.set(core_attributes.active_models, names("running_lora_adapters"));
  values.set(core_attributes.waiting_models, names("waiting_lora_adapters"));
  result.updated = true;
  const auto limit = find_label(labels, "max_lora");
  if (!limit || limit->empty()) return;
  if (const auto number = parse_integer(*limit)) {
    values.set(core_attributes.max_models, *number);
  } else {
    join(result.errors, "label max_lora is not an integer: \"" + std::string(*limit) + "\"");
  }
}

void CoreMetricsExtractor::Engine::apply_cache_info(std::string_view labels, bool reset, ScrapedValues& values,
                                                    Extraction& result) const {
  // The value of one label; nothing when it is missing or wrong, an error text for the latter.
  const auto read = [&](const std::string& label) -> std::optional<double> {
    const auto raw = find_label(labels, label);
    if (!raw || (reset && *raw == "None")) return std::nullopt;
    const auto number = parse_integer(*raw);
    if (!number) join(result.errors, "label " + label + " is not an integer: \"" + std::string(*raw) + "\"");
    return number;
  };
  values.set(core_attributes.block_size, read(mapping.block_size_label).value_or(0));
  const auto blocks = read(mapping.num_blocks_label);
  if (blocks || reset) values.set(core_attributes.num_blocks, blocks.value_or(0));
  result.updated = true;
}

CoreMetricsExtractor::CoreMetricsExtractor(CoreMetricsParameters parameters, AttributeRegistry& attributes)
    : parameters_(std::move(parameters)),
      times_{intern(attributes, EPP_KEY_UPDATE_TIME, EPP_TYPE_I64),
             intern(attributes, std::string(endpoints::kAskedTimeKey), EPP_TYPE_I64)} {
  const CoreAttributes core(attributes);
  for (const auto& [name, mapping] : parameters_.engines) {
    engines_.emplace(name, std::make_unique<Engine>(mapping, core, attributes));
  }
}

CoreMetricsExtractor::~CoreMetricsExtractor() = default;

const CoreMetricsExtractor::Engine& CoreMetricsExtractor::choose(const Endpoint& endpoint) const {
  const std::string* name = endpoint.label(parameters_.engine_label_key);
  if (name == nullptr || name->empty()) name = endpoint.label(kFallbackEngineLabel);
  if (name != nullptr) {
    if (const auto found = engines_.find(*name); found != engines_.end()) return *found->second;
  }
  return *engines_.find(parameters_.default_engine)->second;
}

const std::string& CoreMetricsExtractor::engine_of(const Endpoint& endpoint) const {
  return choose(endpoint).mapping.name;
}

Extraction CoreMetricsExtractor::extract(const Endpoint& endpoint, std::string_view page, ParseMode mode,
                                         PrometheusReader& reader, ScrapedValues& values) const {
  const Engine& engine = choose(endpoint);
  static thread_local std::vector<Pick> picks;
  picks.assign(engine.items.size(), Pick{});
  reader.start(page, &engine.families, mode);
  while (const Sample* sample = reader.next()) {
    for (std::size_t i = 0; i < engine.items.size(); ++i) {
      if (engine.items[i].family == sample->family) engine.consider(engine.items[i], *sample, parameters_, picks[i]);
    }
  }
  Extraction result;
  if (reader.error()) {
    result.unreadable = reader.error()->text();
    return result;
  }
  for (std::size_t i = 0; i < engine.items.size(); ++i) {
    engine.apply(engine.items[i], picks[i], parameters_, values, result);
  }
  return result;
}

}  // namespace epp::scrape
