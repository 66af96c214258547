# SPDX-License-Identifier: Apache-2.0
# Proves: the rockspec builds the modules for lua5.4 against the installed library, of a tree that
# has nothing of the library, and without a network. Its arguments are the command of Meson.
source "${TAP:?is set by meson test}"

if ! command -v luarocks >/dev/null; then
    echo "1..0 # SKIP no luarocks here"
    exit 0
fi
unset LUA_PATH LUA_CPATH LUA_PATH_5_4 LUA_CPATH_5_4 LUA_INIT LUA_INIT_5_4 LD_LIBRARY_PATH
stage=$work/stage
DESTDIR=$stage run "$@" install -C "$BUILD" --no-rebuild
is "$status" 0 "meson install succeeds"
installed=$stage$PREFIX
export PATH=$installed/bin:/usr/local/bin:/usr/bin:/bin
LD_LIBRARY_PATH=$(dirname "$(find "$stage" -name libipcrun.so.0)")
export LD_LIBRARY_PATH
# A root for pkg-config would move the other libraries, too.
mkdir "$work/pkgconfig"
sed "s|^prefix=.*|prefix=$installed|" "$(find "$stage" -name ipcrun.pc)" \
    >"$work/pkgconfig/ipcrun.pc"
export PKG_CONFIG_PATH=$work/pkgconfig HOME=$work

tree=$work/tree
cd "$SOURCES" || exit 1
mkdir "$work/source"
cp -R --parents meson.build meson_options.txt rockspec bindings/lua base \
    runtime/{queue,ring_buffer,sequence,strangers,waiter}.hpp runtime/waiter.cpp \
    runtime/connection/{rendezvous,shared_rendezvous,tree_shape}.hpp \
    runtime/wire/{bell,control_segment,doorbell}.hpp runtime/wire/bell.cpp "$work/source"
cd "$work/source" || exit 1
offline=()
! unshare -rn true 2>/dev/null || offline=(unshare -rn)
status=0
# Longer than `run` would wait: all of `torch` is compiled.
"${offline[@]}" luarocks --lua-version 5.4 --tree "$tree" make >"$out" 2>"$err" || status=$?
is "$status" 0 "luarocks make succeeds${offline[0]:+ without a network}"
[[ $status == 0 ]] || grep -hE 'error|ERROR|Error' "$out" "$err" | sed 's/^/# /'
is "$(readelf -d "$tree/lib/lua/5.4/ipc.so" | grep -oE 'libipcrun\.so\.0')" libipcrun.so.0 \
    "the module is linked with the installed library"

export LUA_PATH="$tree/share/lua/5.4/?.lua" LUA_CPATH="$tree/lib/lua/5.4/?.so"
in_rock=$(cd "$tree/share/lua/5.4" && find . -name '*.lua' | sort)
is "$in_rock" "$(cd "$installed/share/lua/5.4" && find . -name '*.lua' | sort)" \
    "the rock has the modules that meson install puts down"
for file in ./ipc.lua $in_rock; do
    module=${file#./}
    module=${module%.lua}
    module=${module//\//.}
    run lua5.4 -e "assert(require '$module')"
    is "$status$(<"$err")" 0 "a plain lua5.4 can require '$module'"
done
cat >sum.lua <<'END'
local world, torch = require "ipc".world(), require "torch"
local t = torch.DoubleTensor(1000):fill(world.rank + 1)
world:allreduce(t)
print(world.size, t:min(), t:max())
END
run lua5.4 sum.lua
is "$status $(<"$out")" "0 1	1.0	1.0" "its world has one rank"
run ipcrun -n 3 lua5.4 sum.lua
is "$status $(sort -u "$out")" "0 3	6.0	6.0" "and under ipcrun as many as there are"
run lua5.4 -e 'local world = require "ipc".world()
    print(select(2, pcall(world.receive, world, {timeout = 0.01})).code)'
is "$(<"$out")" timeout "what the library throws becomes an error of Lua"

cp "$SOURCES/tests/install/meeting.lua" .
# It is not where the prefix says, but below $stage.
export IPCRUN_AGENT=$installed/libexec/ipcrun/ipcrun-agent
for ways in 'ipc.server and ipc.client' ipc.LocalhostTree; do
    run env IPC_KEY='the key of this test' lua5.4 meeting.lua "$ways"
    is "$status $(<"$out")$(<"$err")" "0 6.0" "processes of lua5.4 meet by $ways"
done

done_testing
