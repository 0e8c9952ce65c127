
# Our policy; and, for the end, one that has our types and no rule of ours.
policy() { semodule -n -X 200 -i "/root/$1/jit.pp" && cp /etc/selinux/default/policy/policy.* "/root/$1/policy"; }
policy bare
policy whole
# carol is confined.
echo 'carol:staff_u:s0-s0:c0.c1023' >>/etc/selinux/default/seusers
