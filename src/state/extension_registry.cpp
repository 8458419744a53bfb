#include <utility>

#include "base/context.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/extension.hpp"

namespace h5dcp {
namespace {

std::shared_ptr<const StreamTransformExtension> make_zstandard(std::string_view version) {
  if (!version.starts_with('1')) {
    throw Error(ErrorCode::unsupported,
                "version '" + std::string(version) + "' of it is not known: there is 1");
  }
  return std::make_shared<ZStandard>();
}

}  // namespace

ExtensionRegistry::ExtensionRegistry() {
  add(std::string(ZStandard::kRegistryName), make_zstandard);
}

void ExtensionRegistry::add(const std::string& registry_name, Factory from_descriptor) {
  factories_[registry_name] = std::move(from_descriptor);
}

std::shared_ptr<const StreamTransformExtension> ExtensionRegistry::from_descriptor(
    std::string_view descriptor) const {
  const auto action = "look up the extension '" + std::string(descriptor) + "'";
  const auto slash = descriptor.rfind('/');
  const auto name = descriptor.substr(0, slash);
  const auto version =
      slash == std::string_view::npos ? std::string_view() : descriptor.substr(slash + 1);
  const auto factory = factories_.find(name);
  if (factory == factories_.end()) {
    throw Error(ErrorCode::unsupported,
                action + ": the reader's ExtensionRegistry has none of that name");
  }
  return with_context(action, [&] { return factory->second(version); });
}

}  // namespace h5dcp
