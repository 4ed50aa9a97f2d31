// What a constructor is given: parameters by JSON pointer, and attributes to declare.
#ifndef EPP_CPP_CONTEXT_HPP
#define EPP_CPP_CONTEXT_HPP

#include <epp/cpp/attributes.hpp>
#include <epp/cpp/decider.hpp>
#include <epp/cpp/host.hpp>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace epp::sdk {

// Parameters by JSON pointer. They are validated by the type's schema before; absent values give the default.
class Parameters {
 public:
  explicit Parameters(const Host* host) : host_(host) {}
  uint32_t kind(std::string_view pointer) const { return api()->kind(host_->self(), to_abi(pointer)); }
  bool has(std::string_view pointer) const { return kind(pointer) != EPP_JSON_ABSENT; }
  double number(std::string_view pointer, double otherwise) const {
    const double v = api()->number(host_->self(), to_abi(pointer));
    return std::isnan(v) ? otherwise : v;
  }
  int64_t integer(std::string_view pointer, int64_t otherwise) const {
    return kind(pointer) == EPP_JSON_NUMBER ? static_cast<int64_t>(number(pointer, 0)) : otherwise;
  }
  bool boolean(std::string_view pointer, bool otherwise) const {
    return kind(pointer) == EPP_JSON_BOOL ? api()->boolean(host_->self(), to_abi(pointer)) != 0 : otherwise;
  }
  std::string text(std::string_view pointer, std::string_view otherwise = {}) const {
    return std::string(kind(pointer) == EPP_JSON_STRING ? view(api()->string(host_->self(), to_abi(pointer)))
                                                        : otherwise);
  }
  size_t count(std::string_view pointer) const {
    return static_cast<size_t>(api()->count(host_->self(), to_abi(pointer)));
  }
  std::string key(std::string_view pointer, size_t i) const {
    return std::string(view(api()->key(host_->self(), to_abi(pointer), i)));
  }
  // The elements of an array of strings; empty when absent.
  std::vector<std::string> texts(std::string_view pointer) const {
    std::vector<std::string> out;
    if (kind(pointer) != EPP_JSON_ARRAY) return out;
    for (size_t i = 0; i < count(pointer); ++i)
      out.push_back(text(element(pointer, i)));
    return out;
  }
  // Pointer to the i-th element of an array.
  static std::string element(std::string_view pointer, size_t i) {
    return std::string(pointer) + '/' + std::to_string(i);
  }

 private:
  const epp_host_parameters* api() const { return host_->services().parameters; }
  const Host* host_;
};

// "/a~1b": a member name as one JSON pointer token.
inline std::string pointer_token(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// Handed to a plugin's constructor; not to be kept (keep host()).
class Context {
 public:
  Context(const Host* host, const epp_create_args* args) : host_(host), args_(args), parameters_(host) {}
  const Host& host() const { return *host_; }
  const Parameters& parameters() const { return parameters_; }
  std::string_view name() const { return view(args_->name); }
  std::string_view type() const { return view(args_->type); }

  // The decider of that name, which the parameters name; throws Error when there is none.
  Decider decider(std::string_view instance) const { return Decider(*host_, instance); }

  // Endpoint columns: consumed (missing producers are an error for require_*, fine for optional_*) or produced.
  F64Column require_f64(std::string_view key) { return F64Column(consume(key, EPP_TYPE_F64, true)); }
  F64Column optional_f64(std::string_view key) { return F64Column(consume(key, EPP_TYPE_F64, false)); }
  I64Column require_i64(std::string_view key) { return I64Column(consume(key, EPP_TYPE_I64, true)); }
  I64Column optional_i64(std::string_view key) { return I64Column(consume(key, EPP_TYPE_I64, false)); }
  StringListColumn require_strings(std::string_view key) {
    return StringListColumn(consume(key, EPP_TYPE_STR_LIST, true));
  }
  StringListColumn optional_strings(std::string_view key) {
    return StringListColumn(consume(key, EPP_TYPE_STR_LIST, false));
  }
  F64Column produce_f64(std::string_view key) {
    return F64Column(declare(key, EPP_TYPE_F64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_PRODUCE, EPP_COLUMN_PER_REQUEST));
  }
  I64Column produce_i64(std::string_view key) {
    return I64Column(declare(key, EPP_TYPE_I64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_PRODUCE, EPP_COLUMN_PER_REQUEST));
  }
  I64Column produce_live(std::string_view key) {
    return I64Column(declare(key, EPP_TYPE_I64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_PRODUCE, EPP_COLUMN_LIVE));
  }
  // Request values; `type` is EPP_TYPE_*.
  RequestValue require_value(std::string_view key, uint32_t type) {
    return RequestValue(declare(key, type, EPP_SCOPE_REQUEST, EPP_ACCESS_REQUIRE, 0));
  }
  RequestValue optional_value(std::string_view key, uint32_t type) {
    return RequestValue(declare(key, type, EPP_SCOPE_REQUEST, EPP_ACCESS_OPTIONAL, 0));
  }
  RequestValue produce_value(std::string_view key, uint32_t type) {
    return RequestValue(declare(key, type, EPP_SCOPE_REQUEST, EPP_ACCESS_PRODUCE, 0));
  }

 private:
  epp_attr consume(std::string_view key, uint32_t type, bool required) {
    return declare(key, type, EPP_SCOPE_ENDPOINT, required ? EPP_ACCESS_REQUIRE : EPP_ACCESS_OPTIONAL, 0);
  }
  epp_attr declare(std::string_view key, uint32_t type, uint32_t scope, uint32_t access, uint32_t kind) {
    const epp_attr id = host_->services().attributes->declare(host_->self(), to_abi(key), type, scope, access, kind);
    if (id == EPP_ATTR_NONE) {
      throw Error("attribute " + std::string(key) + " is known with another type, scope or kind");
    }
    return id;
  }
  const Host* host_;
  const epp_create_args* args_;
  Parameters parameters_;
};

// "Type/producer": `producer` replaces the default when not empty.
inline std::string data_key(std::string_view data_type, std::string_view producer, std::string_view suffix = {}) {
  std::string key(data_type);
  key += '/';
  key += producer;
  key += suffix;
  return key;
}

}  // namespace epp::sdk

#endif  // EPP_CPP_CONTEXT_HPP
