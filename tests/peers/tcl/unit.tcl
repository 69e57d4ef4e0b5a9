# Runs a unit of Redis' own tests against a running server, and reports each test as a line for
# `cargo xtask peers`. To be run in the folder of Redis' sources.
# Usage: tclsh unit.tcl PORT UNIT

lassign $argv port unit
# durable: an exception fails its test instead of ending the unit.
set argv [list --host 127.0.0.1 --port $port --singledb --durable]

set file [open tests/test_helper.tcl]
set helper [read $file]
close $file
# What follows starts Redis' own reporter.
set main [string first "\nif {\$::client} \{" $helper]
if {$main < 0} {error "tests/test_helper.tcl has no main part"}
eval [string range $helper 0 $main]

set ::test_server_fd stdout
set ::running ""

proc emit {event args} {
    set fields [list @@peers $event]
    foreach field $args {
        lappend fields [string map {\n \\n \r \\r \t " "} $field]
    }
    puts [join $fields \t]
    flush stdout
}

# Replaces the messages to Redis' own reporter.
proc send_data_packet {fd status data {elapsed 0}} {
    switch $status {
        testing {
            set ::running $data
            emit begin $data
        }
        ok {
            emit passed $data
            set ::running ""
        }
        skip - ignore {emit skipped $data}
        err {
            set name $::running
            if {$name eq ""} {
                set name "(outside of tests)"
            } else {
                # The name and the file.
                set data [string range $data [string first "\n" $data]+1 end]
            }
            emit failed $name [string range $data 0 1000]
            set ::running ""
        }
    }
}

# Returns whether a client waits in a blocking command.
proc is_blocked {handle} {
    set port [lindex [fconfigure $::redis::fd($handle) -sockname] 2]
    regexp "addr=\[^ \]*:$port \[^\n\]* flags=\[a-zA-Z\]*b" [r client list]
}

# A failed test may leave a transaction, pending replies, and blocked clients to the next one.
rename test redis_test
proc test {args} {
    set failed [llength $::tests_failed]
    set opened $::redis::id
    uplevel 1 [list redis_test {*}$args]
    if {[llength $::tests_failed] > $failed} {
        catch {r discard}
        if {[catch {r echo $opened} echoed] || $echoed ne $opened} {reconnect}
        while {[incr opened] <= $::redis::id} {
            catch {if {[is_blocked $opened]} {::redis::redisHandle$opened close}}
        }
    }
}

# The store has no functions that the suite would have to remove before each unit.
rename r redis_r
proc r {args} {
    if {$args eq "function flush"} {return OK}
    redis_r {*}$args
}

if {[catch {execute_test_file $unit}]} {
    emit failed "(outside of tests)" [string range $::errorInfo 0 1000]
}
emit end
exit 0
