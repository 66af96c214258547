// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <unordered_map>

#include "base/fail.hpp"
#include "bindings/lua/torch/t7/document.hpp"
#include "bindings/lua/torch/t7/reader.hpp"
#include "bindings/lua/torch/type_names.hpp"
#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

namespace {

/// An object whose values are still being read.
struct OpenObject {
    std::size_t number;
    std::size_t expected;  ///< how many values it will have
};

/// "V 1" and the like; files older than versions have the class name there.
bool is_version(std::string_view text) {
    double version;
    if (!text.starts_with("V ")) return false;
    const char* end = text.data() + text.size();
    return std::from_chars(text.data() + 2, end, version).ptr == end;
}

/// Without recursion: files may nest as deeply as they like.
class Decoder {
  public:
    Decoder(const std::string& bytes, T7Format format, const std::shared_ptr<Heap>& heap)
        : reader_(bytes, format), bytes_(bytes), heap_(heap) {}

    void run() {
        root_ = read_value();
        while (!open_.empty()) {
            const OpenObject top = open_.back();
            if (objects_[top.number].values.size() == top.expected) {
                finish(objects_[top.number]);
                open_.pop_back();
                continue;
            }
            const T7Value value = read_value();
            objects_[top.number].values.push_back(value);
        }
    }
    std::vector<T7Object> take_objects() { return std::move(objects_); }
    const T7Value& root() const { return root_; }

  private:
    T7Value read_value();
    std::size_t read_object(bool is_torch);
    void read_torch(std::size_t number);
    void read_tensor(T7Object& object);
    void finish(T7Object& object) const;
    void place_tensor(T7Object& object) const;

    T7Reader reader_;
    const std::string& bytes_;
    const std::shared_ptr<Heap>& heap_;
    T7Value root_;
    std::vector<T7Object> objects_;
    std::vector<OpenObject> open_;
    std::unordered_map<std::int32_t, std::size_t> numbers_;  // by the index in the file
};

T7Value Decoder::read_value() {
    T7Value value;
    const std::int32_t tag = reader_.read_int();
    switch (T7Tag(tag)) {
        case T7Tag::nil:
            return value;
        case T7Tag::number:
            value.kind = T7Value::Kind::number;
            value.number = reader_.read_double();
            return value;
        case T7Tag::boolean:
            value.kind = T7Value::Kind::boolean;
            value.boolean = reader_.read_int() == 1;
            return value;
        case T7Tag::string: {
            value.kind = T7Value::Kind::string;
            const std::string_view text = reader_.read_chars(reader_.read_int());
            value.at = std::uint64_t(text.data() - bytes_.data());
            value.length = std::uint32_t(text.size());
            return value;
        }
        case T7Tag::table:
        case T7Tag::torch:
            value.kind = T7Value::Kind::object;
            value.at = read_object(T7Tag(tag) == T7Tag::torch);
            return value;
        case T7Tag::function:
        case T7Tag::old_recursive_function:
        case T7Tag::recursive_function:
            fail(ErrorCode::unsupported,
                 "at byte {}: a function is there; functions are bytecode of one version of Lua, "
                 "which could do anything, and are not loaded",
                 reader_.position());
    }
    reader_.fail_here("{} is no type of value", tag);
}

/// The number of the object that follows, which may have been read before.
std::size_t Decoder::read_object(bool is_torch) {
    const std::int32_t index = reader_.read_int();
    const auto [entry, is_new] = numbers_.try_emplace(index, objects_.size());
    const std::size_t number = entry->second;
    if (!is_new) return number;
    objects_.emplace_back();
    if (is_torch) {
        read_torch(number);
        return number;
    }
    const std::int32_t count = reader_.read_int();
    constexpr std::int64_t smallest = 2 * sizeof(std::int32_t);  // two tags
    reader_.check_count(count, smallest, "entries of a table");
    open_.push_back({number, std::size_t(count) * 2});
    return number;
}

void Decoder::read_torch(std::size_t number) {
    std::string_view name = reader_.read_chars(reader_.read_int());
    if (is_version(name)) name = reader_.read_chars(reader_.read_int());
    T7Object& object = objects_[number];
    bool is_storage = false;
    if (!parse_type_name(name, object.dtype, &is_storage)) {
        if (name.starts_with("torch.Cuda"))
            fail(ErrorCode::unsupported,
                 "at byte {}: a {} is there, and tensors live in the memory of the CPU; convert it "
                 "with :float() where the file is made",
                 reader_.position(), name);
        object.kind = T7Object::Kind::instance;
        object.class_name = name;
        open_.push_back({number, 1});
        return;
    }
    if (!is_storage) {
        object.kind = T7Object::Kind::tensor;
        read_tensor(object);
        open_.push_back({number, 1});
        return;
    }
    object.kind = T7Object::Kind::storage;
    const std::int64_t count = reader_.read_long();
    reader_.check_elements(count, object.dtype);
    object.storage = Storage::create(heap_, object.dtype, std::size_t(count));
    reader_.read_elements(object.dtype, count, object.storage->data());
}

void Decoder::read_tensor(T7Object& object) {
    const std::int32_t dims = reader_.read_int();
    if (dims < 0 || dims > tensor_dims_max)
        reader_.fail_here("a tensor of {} dimensions, where {} are the most", dims,
                          tensor_dims_max);
    object.layout.resize(std::size_t(dims) * 2 + 1);
    reader_.read_elements(Dtype::i64, dims, reinterpret_cast<std::byte*>(object.layout.data()));
    reader_.read_elements(Dtype::i64, dims,
                          reinterpret_cast<std::byte*>(object.layout.data() + dims));
    const std::int64_t offset = reader_.read_long();
    if (offset < 1) reader_.fail_here("a tensor begins at element {} of its storage", offset);
    object.layout.back() = offset - 1;
}

void Decoder::finish(T7Object& object) const {
    if (object.kind == T7Object::Kind::tensor) place_tensor(object);
    if (object.kind != T7Object::Kind::instance) return;
    const T7Value& fields = object.values[0];
    if (fields.kind != T7Value::Kind::object || objects_[fields.at].kind != T7Object::Kind::table)
        reader_.fail_here("the fields of a {} are not a table", object.class_name);
}

/// Gives the tensor its storage, and refuses one that reaches outside.
void Decoder::place_tensor(T7Object& object) const {
    const T7Value& held = object.values[0];
    std::int64_t available = 0;
    if (held.kind == T7Value::Kind::object) {
        const T7Object& storage = objects_[held.at];
        if (storage.kind != T7Object::Kind::storage || storage.dtype != object.dtype)
            reader_.fail_here("a {} without a {}", tensor_name_of(object.dtype),
                              storage_name_of(object.dtype));
        object.storage = storage.storage;
        available = std::int64_t(storage.storage->count());
    } else if (held.kind != T7Value::Kind::nil) {
        reader_.fail_here("the storage of a {} is something else", tensor_name_of(object.dtype));
    }
    Shape shape{object.dims(), {}};
    for (int d = 0; d < shape.dims; ++d) shape.sizes[d] = object.layout[std::size_t(d)];
    if (!lies_inside(shape, object.layout.data() + shape.dims, object.layout.back(), available))
        reader_.fail_here("a {} of size {} reaches outside its storage of size {}",
                          tensor_name_of(object.dtype), format_shape(shape), available);
}

}  // namespace

T7Document decode_t7(std::string bytes, T7Format format, const std::shared_ptr<Heap>& heap) {
    T7Document document;
    document.text = std::move(bytes);
    Decoder decoder(document.text, format, heap);
    decoder.run();
    document.objects = decoder.take_objects();
    document.root = decoder.root();
    return document;  // a move of the text may move its bytes; strings are known by offset
}

}  // namespace ipcrun::lua
