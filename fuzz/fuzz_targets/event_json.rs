//! No text makes a reader of events panic, and what passes the door is read again from what it is written as.

#![no_main]

use bespoke::event::{Event, segment_spec};
use bespoke::time::Timestamp;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let own = Event::from_json(text).into_iter();
    let events = own.chain(segment_spec::from_json(text).unwrap_or_default());
    for event in events.chain(Event::read(text).unwrap_or_default()) {
        if event.check(Timestamp::MAX).is_ok() {
            let json = serde_json::to_string(&event).expect("a sound event can be written");
            assert_eq!(Event::from_json(&json).expect("what was written can be read"), event);
        }
    }
});
