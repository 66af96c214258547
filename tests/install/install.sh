# SPDX-License-Identifier: Apache-2.0
# Proves: what `meson install` puts down works by itself, without the build tree. Its arguments are
# the command of Meson.
source "${TAP:?is set by meson test}"

unset LUA_PATH LUA_CPATH LUA_PATH_5_4 LUA_CPATH_5_4 LUA_INIT LUA_INIT_5_4 IPCRUN_LUA LD_LIBRARY_PATH
stage=$work/stage
DESTDIR=$stage run "$@" install -C "$BUILD" --no-rebuild
is "$status" 0 "meson install succeeds"
[[ $status == 0 ]] || sed 's/^/# /' "$err"
installed=$stage$PREFIX
export PATH=$installed/bin:/usr/local/bin:/usr/bin:/bin
cd "$work" || exit 1

cat >interpreter.lua <<'END'
for line in io.lines("/proc/self/maps") do
  local path = line:match("(/%S*ipcrun%-lua)$")
  if path then print(path) break end
end
END
run ipcrun -n 1 interpreter.lua
is "$(<"$out")" "$installed/bin/ipcrun-lua" "an installed ipcrun finds the ipcrun-lua beside it"
run ipcrun -n 2 "$installed/share/ipcrun/examples/hello.lua"
is "$status" 0 "an installed job ends with status 0"
is "$(tail -n 1 "$out")" "all 2 have said hello" "and its ranks have met"
run ipcrun -n 2 "$installed/share/ipcrun/examples/train.lua" --epochs 1
like "$(tail -n 1 "$out")" '^accuracy 0\.[0-9]+$' "train.lua finds its data"

lua_paths=("LUA_PATH=$installed/share/lua/5.4/?.lua" "LUA_CPATH=$installed/lib/lua/5.4/?.so")
for module in ipc lab libipc parallel sys torch; do
    run env "${lua_paths[@]}" lua5.4 -e "require '$module'"
    is "$status" 0 "a plain lua5.4 can require '$module'"
done
run env "${lua_paths[@]}" lua5.4 -e \
    'print(require "ipc".world().size, require "torch".ones(3):sum())'
is "$(<"$out")" "1	3.0" "and its world has one rank"
child='print((require "parallel".run("parallel.parent:send(arg[-2] or arg[0])"):receive()))'
run env "${lua_paths[@]}" lua5.4 -e "$child"
is "$(<"$out")" "$installed/bin/ipcrun-lua" "it finds the agent and the ipcrun-lua of its children"
run ipcrun-lua -e "$child"
is "$(<"$out")" "$installed/bin/ipcrun-lua" "and so does an installed ipcrun-lua"

# Everybody pays at start-up for what a program is linked with.
without() {
    local file=$1 libraries found
    shift
    libraries=$(ldd "$installed/$file")
    like "$libraries" 'libc\.so' "ldd can read $file"
    is "$(grep -oE "$(IFS='|'; echo "$*")" <<<"$libraries")" "" "$file is linked with none of $*"
    found=$(grep -E 'not found' <<<"$libraries")
    is "$found" "" "and all that it is linked with is there"
    is "$(readelf -d "$installed/$file" | grep -E 'RPATH|RUNPATH')" "" "and looks nowhere else"
}
without bin/ipcrun libfabric libcuda liblua libopenblas libhwy
without bin/ipcrun-lua libhwloc libopenblas libhwy libfabric libcuda
without libexec/ipcrun/ipcrun-agent libhwloc liblua libopenblas libhwy libfabric libcuda
without libexec/ipcrun/ipcrun-relay liblua libopenblas libfabric libcuda
without lib/lua/5.4/ipc.so libhwloc libopenblas libhwy libfabric libcuda liblua

libipcrun=$(cd "$installed" && find lib* -name libipcrun.so.0)
without "$libipcrun" libhwloc liblua libopenblas libhwy libfabric libcuda

is "$(find "$stage" -name '*.a')" "" "libraries of the build are not installed"
for file in doc/ipcrun/LICENSE ipcrun/examples/data/README.md ipcrun/types/ipc.d.lua \
        ipcrun/types/parallel.d.lua ipcrun/slurm/ipcrun-cpu.sbatch; do
    ok "share/$file is installed" test -s "$installed/share/$file"
done

if [[ -n ${MANUAL_PAGES:-} ]] && command -v mandoc >/dev/null; then
    for page in $MANUAL_PAGES; do
        section=${page##*.}
        run mandoc -T utf8 "$installed/share/man/man${section:0:1}/$page"
        is "$status" 0 "mandoc renders $page"
        like "$(<"$out")" "${page%.*} - " "with its name in it"
    done
else
    ok "the manual pages # SKIP no scdoc or no mandoc here"
fi

done_testing
