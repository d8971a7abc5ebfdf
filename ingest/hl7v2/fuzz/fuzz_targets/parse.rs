//! Any bytes: parsed in any set, asked for everything, answered; what is read lies in the text, in order.
#![no_main]

use hl7v2::{Ack, AckCode, Charset, Envelope, Message, Options, Ts, batch};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // One of the sets, by the length: all of them for every input would be a quarter of the inputs.
    let sets = [None, Some(Charset::ShiftJis), Some(Charset::Iso2022Jp), Some(Charset::EucJp)];
    let options = Options { charset: sets[bytes.len() % sets.len()], ..Options::default() };
    let mut pieces = 0;
    for piece in batch::messages(bytes) {
        pieces += 1;
        look(piece, &options);
    }
    if pieces != 1 {
        look(bytes, &options);
    }
    let written = Ts::parse("20260401093000+0900").unwrap();
    let answer = Ack::new(AckCode::Error).write(&Envelope::sniff(bytes), "1", written);
    assert!(Message::parse(&answer, &Options { charset: Some(Charset::Utf8), ..Options::default() }).is_ok());
});

fn look(bytes: &[u8], options: &Options) {
    let Ok(message) = Message::parse(bytes, options) else { return };
    let mut length = 0;
    for segment in message.segments() {
        length += segment.raw().len();
        for number in 0..=segment.fields().min(64) {
            let field = segment.field(number);
            let _ = (field.ts(), field.nm(), field.sn(), field.whole_text());
            let _ = (field.cx(), field.xpn(), field.xcn(), field.xad(), field.coded(), field.ei(), field.hd());
            for repetition in field.repetitions() {
                for component in repetition.components() {
                    component.subcomponents().for_each(|part| drop(part.text()));
                }
            }
        }
    }
    assert!(length <= message.text().len());
    assert!(message.segments().len() <= options.most_segments + 1);
}
