// Declared attributes: columns indexed by slot, and request values.
#ifndef EPP_CPP_ATTRIBUTES_HPP
#define EPP_CPP_ATTRIBUTES_HPP

#include <epp/cpp/request.hpp>
#include <epp/cpp/views.hpp>
#include <epp/host/attributes.h>

#include <cmath>
#include <span>
#include <string_view>

namespace epp::sdk {

// A declared attribute. `read` gives a pointer indexed by slot.
class Attribute {
 public:
  Attribute() = default;
  explicit Attribute(epp_attr id) : id_(id) {}
  epp_attr id() const { return id_; }

 protected:
  static const epp_host_attributes* api(const Request& r) { return r.host().services().attributes; }
  epp_attr id_ = EPP_ATTR_NONE;
};

namespace detail {
EPP_WIDE_LOOPS inline void copy(const double* from, uint32_t count, double instead_of_nan, double* to) {
  for (uint32_t i = 0; i < count; ++i)
    to[i] = from[i] == from[i] ? from[i] : instead_of_nan;
}
}  // namespace detail

// A column as one call sees it, by candidate position.
class F64View {
 public:
  F64View(const double* by_slot, const Candidates& c) : by_slot_(by_slot), slots_(c.slots().data()) {}
  double operator[](uint32_t position) const { return by_slot_[slots_[position]]; }  // NaN when missing
  bool has(uint32_t position) const { return !std::isnan((*this)[position]); }
  double or_else(uint32_t position, double otherwise) const {
    const double v = (*this)[position];
    return std::isnan(v) ? otherwise : v;
  }
  // All of them, `otherwise` for those that are missing: what loops over several values at once begin with.
  void copy(std::span<double> out, double otherwise) const {
    const auto count = static_cast<uint32_t>(out.size());
    if (count >= detail::kManyValues && detail::consecutive(slots_, count)) {
      detail::copy(by_slot_ + slots_[0], count, otherwise, out.data());
    } else {
      for (uint32_t i = 0; i < count; ++i)
        out[i] = or_else(i, otherwise);
    }
  }

 private:
  const double* by_slot_;
  const uint32_t* slots_;
};

// The same for integers. Reads are atomic, as live counters change meanwhile: read a value once.
class I64View {
 public:
  I64View(const int64_t* by_slot, const Candidates& c) : by_slot_(by_slot), slots_(c.slots().data()) {}
  int64_t operator[](uint32_t position) const { return epp_live_load(&by_slot_[slots_[position]]); }
  bool has(uint32_t position) const { return (*this)[position] != EPP_I64_MISSING; }
  int64_t or_else(uint32_t position, int64_t otherwise) const {
    const int64_t v = (*this)[position];
    return v == EPP_I64_MISSING ? otherwise : v;
  }

 private:
  const int64_t* by_slot_;
  const uint32_t* slots_;
};

class F64Column : public Attribute {
 public:
  using Attribute::Attribute;
  F64View of(const Request& r, const Candidates& c) const { return {read(r, c), c}; }
  F64View of(const Host& host, const Candidates& c) const { return {read(host, c), c}; }
  const double* read(const Request& r, const Candidates& c) const {
    return api(r)->f64(r.host().self(), r.raw(), c.raw(), id_);
  }
  // One endpoint's value where there are no candidates, e.g. a target in pre_request; NaN when missing.
  double at(const Request& r, const epp_endpoint& endpoint) const {
    return api(r)->f64(r.host().self(), r.raw(), nullptr, id_)[endpoint.slot];
  }
  // Where there is no request: saturation.
  const double* read(const Host& host, const Candidates& c) const {
    return host.services().attributes->f64(host.self(), nullptr, c.raw(), id_);
  }
  double* write(const Request& r, const Candidates& c) const {
    return api(r)->write_f64(r.host().self(), r.raw(), c.raw(), id_);
  }
};

class I64Column : public Attribute {
 public:
  using Attribute::Attribute;
  I64View of(const Request& r, const Candidates& c) const { return {read(r, c), c}; }
  I64View of(const Host& host, const Candidates& c) const { return {read(host, c), c}; }
  const int64_t* read(const Request& r, const Candidates& c) const {
    return api(r)->i64(r.host().self(), r.raw(), c.raw(), id_);
  }
  // One endpoint's value where there are no candidates; EPP_I64_MISSING when missing.
  int64_t at(const Request& r, const epp_endpoint& endpoint) const {
    return epp_live_load(&api(r)->i64(r.host().self(), r.raw(), nullptr, id_)[endpoint.slot]);
  }
  const int64_t* read(const Host& host, const Candidates& c) const {
    return host.services().attributes->i64(host.self(), nullptr, c.raw(), id_);
  }
  int64_t* write(const Request& r, const Candidates& c) const {
    return api(r)->write_i64(r.host().self(), r.raw(), c.raw(), id_);
  }
  // Live columns: changes a counter, never below 0.
  int64_t add(const Host& host, const epp_endpoint& endpoint, int64_t delta) const {
    return add(host, endpoint.slot, endpoint.uid, delta);
  }
  int64_t add(const Host& host, uint32_t slot, uint64_t uid, int64_t delta) const {
    return host.services().attributes->live_add(host.self(), id_, slot, uid, delta);
  }
};

class StringListColumn : public Attribute {
 public:
  using Attribute::Attribute;
  epp_str_list at(const Request& r, const epp_endpoint& endpoint) const {
    return api(r)->str_list(r.host().self(), r.raw(), nullptr, id_)[endpoint.slot];
  }
  const epp_str_list* read(const Request& r, const Candidates& c) const {
    return api(r)->str_list(r.host().self(), r.raw(), c.raw(), id_);
  }
};

// A request-scope attribute.
class RequestValue : public Attribute {
 public:
  using Attribute::Attribute;
  epp_value get(const Request& r) const {
    epp_value v{};
    api(r)->get(r.host().self(), r.raw(), id_, &v);
    return v;
  }
  std::span<const uint32_t> u32(const Request& r) const {
    const epp_value v = get(r);
    if (v.type != EPP_TYPE_U32_LIST) return {};
    return {v.u.u32_list.items, static_cast<size_t>(v.u.u32_list.count)};
  }
  int64_t i64(const Request& r) const {
    const epp_value v = get(r);
    return v.type == EPP_TYPE_I64 ? v.u.i64 : EPP_I64_MISSING;
  }
  std::string_view text(const Request& r) const {
    const epp_value v = get(r);
    return v.type == EPP_TYPE_STR ? view(v.u.str) : std::string_view{};
  }
  bool has(const Request& r) const { return get(r).type != 0; }
  void set(const Request& r, const epp_value& v) const { api(r)->set(r.host().self(), r.raw(), id_, &v); }
  void set(const Request& r, int64_t value) const {
    epp_value v{};
    v.type = EPP_TYPE_I64;
    v.u.i64 = value;
    set(r, v);
  }
  void set(const Request& r, std::string_view text) const {
    epp_value v{};
    v.type = EPP_TYPE_STR;
    v.u.str = to_abi(text);
    set(r, v);
  }
  void set_bytes(const Request& r, std::span<const uint8_t> bytes) const {
    epp_value v{};
    v.type = EPP_TYPE_BYTES;
    v.u.bytes = {bytes.data(), bytes.size()};
    set(r, v);
  }
  std::span<uint32_t> set_u32(const Request& r, size_t count) const {
    uint32_t* p = api(r)->set_u32(r.host().self(), r.raw(), id_, count);
    if (p == nullptr) return {};
    return {p, count};
  }
};

}  // namespace epp::sdk

#endif  // EPP_CPP_ATTRIBUTES_HPP
