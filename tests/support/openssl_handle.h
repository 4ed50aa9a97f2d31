// An owned OpenSSL object: OpensslHandle<X509, X509_free>.
#pragma once

#include <memory>

namespace epp::testing {

template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

template <typename T, auto Free>
using OpensslHandle = std::unique_ptr<T, OpensslDeleter<Free>>;

}  // namespace epp::testing
