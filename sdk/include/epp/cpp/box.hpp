// An instance of a plugin class behind the C ABI.
#ifndef EPP_CPP_BOX_HPP
#define EPP_CPP_BOX_HPP

#include <epp/cpp/host.hpp>

#include <memory>

namespace epp::sdk::detail {

template <typename T>
struct Box {
  Host host;
  epp_instance instance{};
  std::unique_ptr<T> plugin;
};

template <typename T>
Box<T>& box(const epp_instance* instance) {
  return *static_cast<Box<T>*>(instance->data);
}

}  // namespace epp::sdk::detail

#endif  // EPP_CPP_BOX_HPP
