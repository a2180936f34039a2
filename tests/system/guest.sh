#!/bin/sh
# A kernel and a first file system for a small machine that shares this one's programs. Run in a folder:
#   guest.sh PACKAGE MODULE...    the kernel's package, and the modules that are loaded besides those it takes to start
set -eu
package=$1
shift
release=$(apt-cache depends "$package" | sed -n 's/.*Depends: linux-image-\(.*\)/\1/p' | head -n 1)
apt-get download -q "linux-image-$release"
dpkg -x linux-image-*.deb kernel
cp "kernel/boot/vmlinuz-$release" vmlinuz
/sbin/depmod -b kernel "$release"

mkdir -p root/bin root/proc root/sys root/dev root/host root/lib
cp "$(command -v busybox)" root/bin/
modules=""
for module in virtio_pci virtio_blk virtio_net virtiofs "$@"; do
    for path in $(/sbin/modprobe -d kernel -S "$release" -D "$module" | sed 's/^insmod //'); do
        name=$(basename "$path")
        [ -e "root/lib/$name" ] && continue
        cp "$path" root/lib/
        modules="$modules $name"
    done
done
cat > root/init <<'END'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for module in MODULES; do $b insmod "/lib/$module"; done
# The other machine's programs, to read; a disk of its own, to write.
$b mount -t virtiofs -o ro host /host
$b mount -t proc proc /host/proc
$b mount -t sysfs sys /host/sys
$b mount -t devtmpfs dev /host/dev
$b mount -t tmpfs run /host/run
$b mount -t ext4 /dev/vda /host/mnt || $b mount -t tmpfs none /host/mnt
$b ip link set lo up
$b ip addr add 10.0.2.15/24 dev eth0
$b ip link set eth0 up
$b ip route add default via 10.0.2.2
exec $b chroot /host /bin/sh "$($b sed 's/.*run=\([^ ]*\).*/\1/' /proc/cmdline)"
END
sed -i "s/MODULES/$(echo $modules)/" root/init
chmod 755 root/init
(cd root && find . | busybox cpio -o -H newc | gzip -1) > initrd.gz
rm -r kernel root linux-image-*.deb
