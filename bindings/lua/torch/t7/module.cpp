// SPDX-License-Identifier: Apache-2.0
// torch.save, torch.load, torch.serialize and torch.deserialize. A file is held in memory as a
// whole while it is read. torch.BFloat16Tensor is a name that torch7 does not know; the others it
// reads.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/fail.hpp"
#include "base/unique_fd.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/t7/lua_values.hpp"

namespace ipcrun::lua {

namespace {

class StringSink : public T7Sink {
  public:
    explicit StringSink(std::string& to) : to_(to) {}
    void write(const void* bytes, std::size_t count) override {
        to_.append(static_cast<const char*>(bytes), count);
    }

  private:
    std::string& to_;
};

/// Collects small pieces; large ones, the storages, go out as they lie.
class FileSink : public T7Sink {
  public:
    explicit FileSink(const char* path) : path_(path) {
        constexpr mode_t readable_by_all = 0666;  // less the umask
        fd_ = UniqueFd(
            check_syscall(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, readable_by_all),
                          fmt::format("open {}", path)));
    }
    void write(const void* bytes, std::size_t count) override {
        if (pending_.size() + count > buffer_bytes) flush();
        if (count >= buffer_bytes)
            put(static_cast<const char*>(bytes), count);
        else
            pending_.append(static_cast<const char*>(bytes), count);
    }
    void finish() {
        flush();
        // Some file systems say only here that the disk is full.
        check_syscall(::close(fd_.release()), fmt::format("close {}", path_));
    }

  private:
    static constexpr std::size_t buffer_bytes = std::size_t(1) << 16;

    void flush() {
        put(pending_.data(), pending_.size());
        pending_.clear();
    }
    void put(const char* bytes, std::size_t count) {
        while (count > 0) {
            const ssize_t written = ::write(fd_.get(), bytes, count);
            if (written < 0 && errno == EINTR) continue;
            check_syscall(written, fmt::format("write {}", path_));
            bytes += written;
            count -= std::size_t(written);
        }
    }

    const char* path_;
    UniqueFd fd_;
    std::string pending_;
};

std::string read_file(const char* path) {
    const UniqueFd fd(
        check_syscall(::open(path, O_RDONLY | O_CLOEXEC), fmt::format("open {}", path)));
    struct stat info {};
    check_syscall(::fstat(fd.get(), &info), fmt::format("stat {}", path));
    constexpr std::size_t step = std::size_t(1) << 20;
    std::string bytes;
    if (S_ISREG(info.st_mode)) bytes.reserve(std::size_t(info.st_size) + 1);
    while (true) {
        const std::size_t had = bytes.size();
        bytes.resize(had + std::clamp(bytes.capacity() - had, std::size_t(1), step));
        const ssize_t count = ::read(fd.get(), bytes.data() + had, bytes.size() - had);
        const int error = errno;
        bytes.resize(had + std::size_t(std::max<ssize_t>(count, 0)));
        if (count == 0) return bytes;
        if (count < 0 && error != EINTR) fail_errno(error, fmt::format("read {}", path));
    }
}

T7Format check_format(lua_State* lua, int index) {
    const char* name = luaL_optstring(lua, index, "binary");
    if (std::strcmp(name, "binary") == 0) return T7Format::binary;
    if (std::strcmp(name, "ascii") != 0) raise_expected(lua, index, "'binary' or 'ascii'");
    return T7Format::ascii;
}

/// Strictly a string: a number would name a file too.
const char* check_path(lua_State* lua) {
    if (lua_type(lua, 1) != LUA_TSTRING) raise_expected(lua, 1, "the name of a file");
    return lua_tostring(lua, 1);
}

/// Frees all of it. Assigning T7Work() would not: a std::string keeps its memory then.
void release(T7Work& work) {
    work.~T7Work();
    new (&work) T7Work();
}

int collect_work(lua_State* lua) {
    release(*static_cast<T7Work*>(lua_touserdata(lua, 1)));
    return 0;
}

T7Work& push_work(lua_State* lua) {
    return create_userdata<T7Work>(lua, t7_work_metatable);
}

/// Decodes `bytes`; errors begin with what they came from.
void decode(lua_State* lua, T7Work& work, std::string bytes, T7Format format, const char* from) {
    try {
        work.document = decode_t7(std::move(bytes), format, context(lua).heap);
    } catch (const Error& error) {
        fail(error.code, "{}: {}", from, error.what());
    }
}

/// torch.save(filename, value [, 'binary' or 'ascii'])
int save(lua_State* lua) {
    // torch7's fourth argument; without references a cycle would have no end.
    luaL_argcheck(lua, lua_isnoneornil(lua, 4) || lua_toboolean(lua, 4), 4,
                  "what is shared is always written once, as with true");
    lua_settop(lua, 3);
    const char* path = check_path(lua);
    const T7Format format = check_format(lua, 3);
    T7Work& work = push_work(lua);
    collect_value(lua, work, 2, lua_upvalueindex(1), "save");
    run(lua, [&] {
        FileSink sink(path);
        encode_t7(work.document, format, sink);
        sink.finish();
    });
    release(work);
    return 0;
}

/// torch.load(filename [, 'binary' or 'ascii']) -> value
int load(lua_State* lua) {
    lua_settop(lua, 2);
    const char* path = check_path(lua);
    const T7Format format = check_format(lua, 2);
    T7Work& work = push_work(lua);
    run(lua, [&] { decode(lua, work, read_file(path), format, path); });
    push_document(lua, work, lua_upvalueindex(1), "load");
    release(work);
    return 1;
}

/// torch.serialize(value [, 'binary' or 'ascii']) -> string
int serialize(lua_State* lua) {
    lua_settop(lua, 2);
    const T7Format format = check_format(lua, 2);
    T7Work& work = push_work(lua);
    collect_value(lua, work, 1, lua_upvalueindex(1), "serialize");
    run(lua, [&] {
        StringSink sink(work.output);
        encode_t7(work.document, format, sink);
    });
    lua_pushlstring(lua, work.output.data(), work.output.size());
    release(work);
    return 1;
}

/// torch.deserialize(string [, 'binary' or 'ascii']) -> value
int deserialize(lua_State* lua) {
    lua_settop(lua, 2);
    if (lua_type(lua, 1) != LUA_TSTRING) raise_expected(lua, 1, "a string from serialize()");
    std::size_t length = 0;
    const char* bytes = lua_tolstring(lua, 1, &length);
    const T7Format format = check_format(lua, 2);
    T7Work& work = push_work(lua);
    run(lua, [&] { decode(lua, work, std::string(bytes, length), format, "deserialize"); });
    push_document(lua, work, lua_upvalueindex(1), "deserialize");
    release(work);
    return 1;
}

}  // namespace

void register_t7(lua_State* lua, int torch) {
    luaL_newmetatable(lua, t7_work_metatable);
    lua_pushcfunction(lua, collect_work);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
    static const luaL_Reg functions[] = {{"save", save},
                                         {"load", load},
                                         {"serialize", serialize},
                                         {"deserialize", deserialize},
                                         {nullptr, nullptr}};
    lua_pushvalue(lua, torch);
    lua_pushvalue(lua, torch);
    luaL_setfuncs(lua, functions, 1);
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
