//! Any value of the model that the wire can carry.

use model::*;
use proptest::option::of;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zA-Z0-9 ァ-ン漢字]{0,30}"]
}
fn said() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9漢字]{1,20}"
}
fn number() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO | prop::num::f64::NEGATIVE
}
fn moment() -> impl Strategy<Value = Moment> {
    (-5_364_662_400_000_000_i64..10_413_792_000_000_000).prop_map(|micros| Moment::from_micros(micros).unwrap())
}
fn period() -> impl Strategy<Value = Period> {
    (of(moment()), of(moment())).prop_map(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => Period::new(Some(a.min(b)), Some(a.max(b))).unwrap(),
        (from, until) => Period::new(from, until).unwrap(),
    })
}
fn facility_id() -> impl Strategy<Value = FacilityId> {
    "[a-z0-9-]{1,40}".prop_map(|text| FacilityId::parse(&text).unwrap())
}
fn member_id() -> impl Strategy<Value = MemberId> {
    "[!-~]{1,64}".prop_map(|text| MemberId::parse(&text).unwrap())
}
fn consent_id() -> impl Strategy<Value = ConsentId> {
    "[!-~]{1,64}".prop_map(|text| ConsentId::parse(&text).unwrap())
}
fn link_id() -> impl Strategy<Value = LinkId> {
    "[!-~]{1,64}".prop_map(|text| LinkId::parse(&text).unwrap())
}
fn department() -> impl Strategy<Value = DepartmentCode> {
    "[!-~]{1,16}".prop_map(|text| DepartmentCode::parse(&text).unwrap())
}
fn patient() -> impl Strategy<Value = PatientRef> {
    (facility_id(), "[0-9A-Z]{1,64}")
        .prop_map(|(facility, number)| PatientRef::new(facility, PatientNumber::parse(&number).unwrap()))
}
fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}
fn set<T: Copy + std::fmt::Debug + 'static, S: FromIterator<T> + std::fmt::Debug>(
    all: &'static [T],
) -> impl Strategy<Value = S> {
    prop::collection::vec(one_of(all), 0..=all.len()).prop_map(|members| members.into_iter().collect())
}

fn system() -> impl Strategy<Value = CodeSystem> {
    prop_oneof![
        Just(CodeSystem::Jlac10),
        Just(CodeSystem::Loinc),
        Just(CodeSystem::Snomed),
        Just(CodeSystem::Icd10),
        Just(CodeSystem::MedisDisease),
        Just(CodeSystem::Hot),
        Just(CodeSystem::Yj),
        Just(CodeSystem::RxNorm),
        Just(CodeSystem::Local),
        "urn:oid:[0-9.]{1,20}".prop_map(CodeSystem::Other),
    ]
}
fn coding() -> impl Strategy<Value = Coding> {
    (system(), said(), text()).prop_map(|(system, code, display)| Coding { system, code, display })
}
fn coding_if() -> impl Strategy<Value = Coding> {
    prop_oneof![Just(Coding::default()), coding()]
}
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (number(), text(), one_of(&["", "<", "<=", ">", ">="])).prop_map(|(value, unit, comparator)| {
            Value::Quantity { value, unit, comparator: comparator.to_owned() }
        }),
        coding().prop_map(Value::Coded),
        text().prop_map(Value::Text),
        said().prop_map(Value::Absent),
    ]
}

fn demographics() -> impl Strategy<Value = Demographics> {
    let date = of((1..=9999_i16, 1..=12_i8, 1..=28_i8).prop_map(|(y, m, d)| jiff::civil::date(y, m, d)));
    (text(), text(), date, one_of(&Sex::ALL), text(), text(), of(moment())).prop_map(
        |(name, kana, birth_date, sex, postal_code, address, deceased)| Demographics {
            name,
            kana,
            birth_date,
            sex,
            postal_code,
            address,
            deceased,
        },
    )
}
fn laboratory() -> impl Strategy<Value = LabResult> {
    let said = (text(), text(), one_of(&LabStatus::ALL), text(), text());
    (coding(), value(), of(number()), of(number()), said).prop_map(
        |(code, value, reference_low, reference_high, (flag, specimen, status, order, note))| LabResult {
            code,
            value,
            reference_low,
            reference_high,
            flag,
            specimen,
            status,
            order,
            note,
        },
    )
}
fn immunization() -> impl Strategy<Value = Immunization> {
    let vaccine = (coding(), one_of(&ImmunizationStatus::ALL), text(), text(), text(), text());
    let given = (of(number()), text(), text(), text(), any::<bool>(), any::<bool>(), text());
    (vaccine, given).prop_map(|((code, status, reason, lot, manufacturer, dose_number), given)| {
        let (quantity, quantity_unit, site, route, reported, subpotent, note) = given;
        Immunization {
            code,
            status,
            reason,
            lot,
            manufacturer,
            dose_number,
            quantity,
            quantity_unit,
            site,
            route,
            reported,
            subpotent,
            note,
        }
    })
}
fn waveform() -> impl Strategy<Value = Waveform> {
    const QUALITIES: &[FrameQuality] = &[FrameQuality::Good, FrameQuality::Fair, FrameQuality::Lost];
    let frame = prop::collection::vec((-500.0_f32..500.0, one_of(QUALITIES)), 0..40)
        .prop_map(|samples| samples.into_iter().unzip());
    let frames = (prop::sample::subsequence(&WaveformChannel::ALL[..], 0..=10), prop::collection::vec(frame, 10))
        .prop_map(|(channels, frames)| {
            let frame = |(channel, (samples, quality)): (WaveformChannel, (Vec<f32>, Vec<FrameQuality>))| {
                WaveformFrame { channel, samples, quality }
            };
            channels.into_iter().zip(frames).map(frame).collect()
        });
    let hops =
        (of(moment()), of(moment()), of(moment())).prop_map(|(device, gateway, edge)| Hops { device, gateway, edge });
    (said(), text(), 0.001_f32..1000.0, any::<u64>(), frames, hops, any::<bool>()).prop_map(
        |(session, device, hertz, sequence, frames, hops, held_back)| Waveform {
            session,
            device,
            hertz,
            sequence,
            frames,
            hops,
            held_back,
        },
    )
}
fn bed() -> impl Strategy<Value = BedSession> {
    let texts = |most| prop::collection::vec(text(), 0..=most);
    (said(), said(), moment(), of(moment()), text(), texts(3), texts(5)).prop_map(
        |(session, bed, at, other, closing, fetuses, devices)| {
            let (opened, closed) = other.map_or((at, None), |other| (at.min(other), Some(at.max(other))));
            let closing = if closed.is_none() { String::new() } else { closing };
            BedSession { session, bed, opened, closed, closing, fetuses, devices }
        },
    )
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        demographics().prop_map(Payload::Patient),
        laboratory().prop_map(Payload::Laboratory),
        (coding(), value()).prop_map(|(code, value)| Payload::VitalSign(VitalSign { code, value })),
        (coding(), text(), any::<bool>(), of(moment()), of(moment())).prop_map(
            |(code, clinical_status, suspected, onset, abated)| {
                Payload::Condition(Condition { code, clinical_status, suspected, onset, abated })
            }
        ),
        (coding(), text(), text(), text()).prop_map(|(code, criticality, reaction, clinical_status)| {
            Payload::Allergy(Allergy { code, criticality, reaction, clinical_status })
        }),
        (coding(), text(), text(), of(number()), text(), of(any::<u32>())).prop_map(
            |(code, status, dosage, quantity, quantity_unit, days)| {
                Payload::Medication(Medication { code, status, dosage, quantity, quantity_unit, days })
            }
        ),
        (one_of(&EncounterClass::ALL), text(), coding_if(), of(moment()), of(moment())).prop_map(
            |(class, status, reason, start, end)| Payload::Encounter(Encounter { class, status, reason, start, end })
        ),
        (coding(), text(), said(), text()).prop_map(|(kind, title, content_type, content)| {
            Payload::Document(Document { kind, title, content_type, content })
        }),
        (said(), coding_if(), text(), text()).prop_map(|(modality, procedure, study_uid, report)| {
            Payload::Imaging(Imaging { modality, procedure, study_uid, report })
        }),
        waveform().prop_map(Payload::Waveform),
        bed().prop_map(Payload::Bed),
        (coding(), of(any::<u32>()), value()).prop_map(|(code, gestational_days, value)| {
            Payload::Perinatal(Perinatal { code, gestational_days, value })
        }),
        (coding(), text(), text()).prop_map(|(code, status, text)| Payload::CarePlan(CarePlan { code, status, text })),
        (text(), text()).prop_map(|(subject, text)| Payload::Message(Message { subject, text })),
        immunization().prop_map(Payload::Immunization),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    const CHANGES: &[ChangeKind] = &[ChangeKind::Upsert, ChangeKind::Correct, ChangeKind::Delete];
    let author = (of(member_id()), one_of(Role::ALL)).prop_map(|(member, role)| Author { member, role });
    let identity = (patient(), "[!-~]{1,128}", 1..u64::MAX, moment(), moment());
    let about = (set(Label::ALL), of(department()), author);
    let said = (one_of(CHANGES), payload(), any::<bool>());
    (identity, about, said).prop_map(
        |((patient, id, version, occurred, recorded), (labels, department, author), (change, payload, keep))| {
            Record::new(
                patient,
                RecordId::parse(&id).unwrap(),
                Version::new(version).unwrap(),
                payload.category(),
                occurred,
                recorded,
                labels,
                department,
                author,
                change,
                (keep || change != ChangeKind::Delete).then_some(payload),
            )
            .unwrap()
        },
    )
}

fn viewers() -> impl Strategy<Value = Viewers> {
    prop_oneof![
        Just(Viewers::AllMembers),
        prop::collection::vec(facility_id(), 1..4).prop_map(Viewers::Facilities),
        prop::collection::vec(member_id(), 1..4).prop_map(Viewers::Practitioners),
    ]
}

/// Provisions of one kind, with exceptions of the other, as deep as may be.
fn provisions(kind: ProvisionKind, levels: usize) -> BoxedStrategy<Vec<Provision>> {
    if levels == 0 {
        return Just(Vec::new()).boxed();
    }
    let who = (of(viewers()), set(Role::ALL), set(Purpose::ALL));
    let what = (set(Category::ALL), prop::collection::vec(department(), 0..3), set(Role::ALL), set(Label::ALL));
    let one = (who, what, period(), period(), provisions(kind.opposite(), levels - 1)).prop_map(
        move |(
            (viewers, roles, purposes),
            (categories, departments, author_roles, labels),
            data_period,
            period,
            nested,
        )| {
            Provision {
                kind,
                viewers,
                roles,
                purposes,
                categories,
                departments,
                author_roles,
                labels,
                data_period,
                period,
                nested,
            }
        },
    );
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..3)].boxed()
}
fn exceptions() -> impl Strategy<Value = Exceptions> {
    provisions(ProvisionKind::Deny, 4).prop_map(|provisions| Exceptions::new(provisions).unwrap())
}
fn date() -> impl Strategy<Value = jiff::civil::Date> {
    (1..=9999_i16, 1..=12_i8, 1..=28_i8).prop_map(|(y, m, d)| jiff::civil::date(y, m, d))
}
fn done() -> impl Strategy<Value = Done> {
    (of(member_id()), moment()).prop_map(|(by, at)| Done { by, at })
}
fn paper() -> impl Strategy<Value = Paper> {
    (of(date()), of(member_id()), of(done()), of(done())).prop_map(|(born, explainer, received, activated)| Paper {
        relation: String::new(),
        born,
        explainer,
        received,
        activated,
    })
}

fn consent() -> impl Strategy<Value = Consent> {
    let edge = (consent_id(), patient(), viewers(), one_of(&ConsentState::ALL), period(), period());
    let what = (
        set(Category::ALL),
        prop::collection::vec(department(), 0..3),
        set(Label::ALL),
        set(Purpose::ALL),
        one_of(&Signer::ALL),
        facility_id(),
        moment(),
        prop_oneof![Just(String::new()), "[0-9a-f]{64}"],
    );
    let beside = (of(consent_id()), exceptions(), paper(), "[a-z漢字]{0,16}");
    (edge, what, beside).prop_map(|((id, patient, viewers, state, period, data_period), what, beside)| {
        let (categories, departments, labels, purposes, signer, taken_by, signed_at, form_digest) = what;
        let (supersedes, exceptions, paper, relation) = beside;
        let relation = if signer == Signer::Patient { String::new() } else { relation };
        Consent {
            supersedes: supersedes.filter(|other| *other != id),
            exceptions,
            paper: Box::new(Paper { relation, ..paper }),
            id,
            patient,
            viewers,
            state,
            period,
            data_period,
            categories,
            departments,
            labels,
            purposes,
            signer,
            taken_by,
            signed_at,
            form_digest,
        }
    })
}

fn rule() -> impl Strategy<Value = ScopeRule> {
    let hold_back =
        prop_oneof![Just(HoldBack::None), (1..=u16::MAX).prop_map(HoldBack::Days), Just(HoldBack::UntilReleased)];
    (
        set(Category::ALL),
        set(FacilityKind::ALL),
        set(Role::ALL),
        prop::collection::vec(department(), 0..3),
        set(Role::ALL),
        set(Label::ALL),
        of(moment()),
        hold_back,
    )
        .prop_map(
            |(categories, viewer_kinds, viewer_roles, departments, author_roles, labels, since, hold_back)| ScopeRule {
                categories,
                viewer_kinds,
                viewer_roles,
                departments,
                author_roles,
                labels,
                since,
                hold_back,
            },
        )
}

fn scope() -> impl Strategy<Value = DisclosureScope> {
    let break_glass = (set(FacilityKind::ALL), set(Role::ALL))
        .prop_map(|(viewer_kinds, viewer_roles)| BreakGlassRule { viewer_kinds, viewer_roles });
    let rules = prop::collection::vec(rule(), 0..4);
    (facility_id(), rules, prop::collection::vec(break_glass, 0..3), one_of(&GuardianConsents::ALL)).prop_map(
        |(facility, rules, break_glass, guardian_consents)| DisclosureScope {
            facility,
            rules,
            break_glass,
            guardian_consents,
        },
    )
}

fn agreement() -> impl Strategy<Value = AgreementChange> {
    let id = || "[!-~]{1,64}".prop_map(|text| AgreementId::parse(&text).unwrap());
    let stated = (id(), facility_id(), facility_id(), prop::collection::vec(member_id(), 0..3), period())
        .prop_filter("an agreement is with another", |(_, facility, source, ..)| facility != source)
        .prop_map(|(id, facility, source, members, period)| {
            AgreementChange::Stated(ViewerAgreement { id, facility, source, members, period })
        });
    let ended = (id(), facility_id(), moment())
        .prop_map(|(id, facility, at)| AgreementChange::Ended(AgreementEnd { id, facility, at }));
    prop_oneof![stated, ended]
}

fn kinship() -> impl Strategy<Value = KinshipChange> {
    let stated = (link_id(), patient(), patient(), of(one_of(&FetusNumber::ALL)), member_id(), moment())
        .prop_filter("two refs", |(_, mother, newborn, ..)| mother != newborn)
        .prop_map(|(id, mother, newborn, fetus, by, at)| {
            let mut kinship = Kinship::new(id, mother, newborn, by, at).unwrap();
            kinship.fetus = fetus;
            KinshipChange::Stated(kinship)
        });
    let ended = (link_id(), patient(), member_id(), moment())
        .prop_map(|(id, mother, by, at)| KinshipChange::Ended(KinshipEnd { id, mother, by, at }));
    prop_oneof![stated, ended]
}

/// Releases and broken glasses.
fn emergency() -> impl Strategy<Value = ConsentChange> {
    let id = || "[!-~]{1,64}".prop_map(|text| GlassId::parse(&text).unwrap());
    let released = (patient(), set(Category::ALL), moment()).prop_map(|(patient, categories, recorded_until)| {
        ConsentChange::Released(Release { patient, categories, recorded_until })
    });
    let who = (facility_id(), member_id(), one_of(Role::ALL), patient());
    let broken = (id(), who, said(), moment(), 0..=BreakGlass::LONGEST)
        .prop_filter("another's patient", |(_, (facility, .., patient), ..)| facility != patient.facility())
        .prop_map(|(id, (facility, member, role, patient), reason, from, lasts)| {
            let until = from.plus_micros(lasts);
            let glass = BreakGlass::new(id, facility, member, role, patient, reason, from, until);
            ConsentChange::GlassBroken(glass.unwrap())
        });
    let closed = (id(), facility_id(), patient(), moment()).prop_map(|(id, facility, patient, at)| {
        ConsentChange::GlassClosed(BreakGlassEnd { id, facility, patient, at })
    });
    let reviewed = (id(), facility_id(), patient(), member_id(), one_of(ReviewOutcome::ALL), text(), moment())
        .prop_map(|(id, facility, patient, reviewer, outcome, text, at)| {
            ConsentChange::GlassReviewed(BreakGlassReview { id, facility, patient, reviewer, outcome, text, at })
        });
    prop_oneof![released, broken, closed, reviewed]
}

fn referral() -> impl Strategy<Value = ReferralChange> {
    let id = || "[!-~]{1,64}".prop_map(|id| ReferralId::parse(&id).unwrap());
    let ends = || (patient(), facility_id()).prop_filter("itself", |(patient, to)| patient.facility() != to);
    let sent = (id(), ends(), one_of(ReferralKind::ALL), said(), (member_id(), moment()), (of(id()), of(consent_id())));
    let sent = sent.prop_map(|(id, ends, kind, reason, by, (answers, opens))| {
        let mut referral = Referral::new(id, ends, kind, reason, by).unwrap();
        (referral.answers, referral.opens) = (answers, opens);
        ReferralChange::Sent(referral)
    });
    let turned = (id(), ends(), one_of(ReferralStep::ALL), member_id(), moment(), text());
    let turned = turned.prop_map(|(id, (patient, to), step, by, at, words)| {
        let words = OwnWords::parse(&words).unwrap();
        ReferralChange::Turned(ReferralTurn { id, patient, to, step, by, at, words })
    });
    prop_oneof![sent, turned]
}
fn directory() -> impl Strategy<Value = DirectoryChange> {
    const STATUSES: &[FacilityStatus] = &[FacilityStatus::Active, FacilityStatus::Inactive];
    let link = (link_id(), patient(), patient(), one_of(&LinkEvidence::ALL), member_id(), moment())
        .prop_filter("a link joins two facilities", |(_, a, b, ..)| a.facility() != b.facility())
        .prop_map(|(id, a, b, evidence, confirmed_by, confirmed_at)| {
            DirectoryChange::Link(LinkChange::Linked(Link { id, a, b, evidence, confirmed_by, confirmed_at }))
        });
    prop_oneof![
        (facility_id(), one_of(FacilityKind::ALL), said(), text(), one_of(STATUSES)).prop_map(
            |(id, kind, name, name_en, status)| DirectoryChange::Facility(Facility { id, kind, name, name_en, status })
        ),
        (member_id(), facility_id(), one_of(Role::ALL), said(), period()).prop_map(
            |(id, facility, role, name, period)| DirectoryChange::Member(Member { id, facility, role, name, period })
        ),
        scope().prop_map(DirectoryChange::Scope),
        agreement().prop_map(DirectoryChange::Agreement),
        kinship().prop_map(DirectoryChange::Kinship),
        (facility_id(), one_of(DefinitionKind::ALL), "[a-z][a-z0-9_-]{0,20}", "[ -~\\n\\t]{0,60}").prop_map(
            |(facility, kind, name, text)| {
                let name = DefinitionName::parse(&name).unwrap();
                DirectoryChange::Definition(Definition::new(facility, kind, name, text).unwrap())
            }
        ),
        (
            (facility_id(), "[a-z][a-z0-9-]{0,20}"),
            (1801..2299_i16, 1..=12_i8, 2..100_u32),
            prop::collection::btree_map(patient().prop_map(|patient| patient.number().clone()), any::<bool>(), 0..6)
        )
            .prop_map(|((facility, measure), (year, month, least), counted)| DirectoryChange::Measure(
                MeasureRelease {
                    facility,
                    measure: DefinitionName::parse(&measure).unwrap(),
                    year,
                    of: jiff::civil::date(year, month, 1),
                    least,
                    counted,
                }
            )),
        (
            facility_id(),
            one_of(LabTableKind::ALL),
            prop::collection::vec(prop::collection::vec("[ -~]{0,20}", 0..8), 0..6)
        )
            .prop_map(|(facility, kind, rows)| DirectoryChange::Laboratory(
                LabTable::new(facility, kind, rows).unwrap()
            )),
        link,
        (link_id(), member_id(), moment())
            .prop_map(|(id, by, at)| DirectoryChange::Link(LinkChange::Unlinked(Unlink { id, by, at }))),
    ]
}

fn frontier() -> impl Strategy<Value = Frontier> {
    prop::collection::vec((0..9_u32, 0..1_000_000_u64), 0..4).prop_map(|places| {
        places.into_iter().map(|(partition, offset)| (PartitionId(partition), Offset(offset))).collect()
    })
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn counts() -> impl Strategy<Value = Counts> {
    prop::collection::vec((one_of(Category::ALL), 0..u64::MAX), 0..4).prop_map(Counts::from_iter)
}

fn receipt() -> impl Strategy<Value = Receipt> {
    let hidden = prop::collection::btree_map(facility_id(), counts(), 0..3);
    let passed = || prop::option::of(moment());
    (consent_id(), patient(), (0..9_u32, any::<u64>()), moment(), hidden, passed(), passed(), passed()).prop_map(
        |(
            consent,
            patient,
            (partition, offset),
            withdrawn_at,
            hidden,
            queries_passed,
            feeds_passed,
            exports_passed,
        )| {
            let position = Position::new(partition, offset);
            Receipt { consent, patient, position, withdrawn_at, hidden, queries_passed, feeds_passed, exports_passed }
        },
    )
}

fn notice() -> impl Strategy<Value = NoticeId> {
    let cause = (0..9_u32, any::<u64>()).prop_map(|(partition, offset)| Position::new(partition, offset));
    (one_of(NoticeKind::ALL), cause, facility_id(), prop::option::of(member_id()))
        .prop_map(|(kind, cause, facility, member)| NoticeId { kind, cause, facility, member })
}

fn bed_deed() -> impl Strategy<Value = BedDeed> {
    let alarm = prop::sample::select(&["lost/1", "level/2/4", "tachysystole", "ending"][..]);
    let act = || any::<u128>().prop_map(ActId);
    let watcher =
        (facility_id(), prop::option::of(member_id()), one_of(Role::ALL), moment(), prop::option::of(moment()))
            .prop_map(|(facility, member, role, since, until)| BedWatcher {
                agent: Agent { facility, member, role },
                since,
                until,
            });
    let watchers = prop::collection::vec(watcher, 0..4);
    prop_oneof![
        alarm.prop_map(|alarm| BedDeed::Acknowledged { alarm: alarm.parse().unwrap() }),
        (moment(), "[あ-んa-z]{0,20}", prop::option::of(act())).prop_map(|(at, text, replaces)| BedDeed::Noted {
            at,
            text: OwnWords::parse(&text).unwrap(),
            replaces,
        }),
        act().prop_map(|note| BedDeed::NoteTaken { note }),
        ("[a-z0-9-]{1,20}", facility_id(), one_of(ReferralStep::ALL), watchers).prop_map(
            |(referral, to, step, watchers)| {
                let referral = ReferralId::parse(&referral).unwrap();
                BedDeed::HandedOver(BedHandover { referral, to, step, watchers })
            }
        ),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let statement = || (digest(), frontier());
    prop_oneof![
        statement().prop_map(|(statement, seen)| What::Query { statement, seen }),
        statement().prop_map(|(statement, seen)| What::Export { statement, seen }),
        statement().prop_map(|(statement, seen)| What::MachinePull { statement, seen }),
        statement().prop_map(|(reason, seen)| What::BreakGlass { reason, seen }),
        (digest(), frontier(), frontier(), any::<u64>()).prop_map(|(statement, since, seen, seconds)| What::Feed {
            statement,
            since,
            seen,
            seconds
        }),
        (frontier(), frontier()).prop_map(|(since, seen)| What::Disclosure { since, seen }),
        receipt().prop_map(|receipt| What::Receipt(Box::new(receipt))),
        notice().prop_map(|notice| What::Acknowledgement { notice }),
        notice().prop_map(|notice| What::Delivery { notice }),
        (notice(), one_of(CriticalAction::ALL), "[あ-んa-z]{0,20}").prop_map(|(notice, action, remark)| What::Action {
            notice,
            action,
            remark: OwnWords::parse(&remark).unwrap()
        }),
        ("[a-z][a-z0-9-]{0,20}", patient(), one_of(WorklistAct::ALL), "[あ-んa-z]{0,20}").prop_map(
            |(cohort, patient, act, remark)| What::Worklist {
                entry: WorklistEntry { cohort: DefinitionName::parse(&cohort).unwrap(), patient },
                act,
                remark: OwnWords::parse(&remark).unwrap()
            }
        ),
        (patient(), "[ -~]{0,20}", bed_deed())
            .prop_map(|(patient, session, deed)| What::Bed { bed: BedPlace { patient, session }, deed }),
    ]
}

fn audit() -> impl Strategy<Value = AuditEvent> {
    let agent = (facility_id(), prop::option::of(member_id()), one_of(Role::ALL))
        .prop_map(|(facility, member, role)| Agent { facility, member, role });
    let shown = prop::collection::vec((patient(), one_of(Category::ALL), 0..9_u64), 0..6);
    let act = (any::<u128>(), any::<u32>(), any::<[u8; 32]>());
    (act, agent, one_of(Purpose::ALL), what(), (moment(), moment()), one_of(AuditOutcome::ALL), shown).prop_map(
        |((id, part, salt), agent, purpose, what, (a, b), outcome, rows)| {
            let mut shown = Shown::default();
            let rows = if matches!(what, What::Receipt(_)) { Vec::new() } else { rows };
            rows.iter().for_each(|(patient, category, rows)| shown.add(patient, *category, *rows));
            AuditEvent {
                id: ActId(id),
                part,
                agent,
                purpose,
                what,
                began: a.min(b),
                ended: a.max(b),
                outcome,
                shown,
                salt: Salt::from_bytes(salt),
            }
        },
    )
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let body = prop_oneof![
        4 => record().prop_map(|record| Body::Record(Box::new(record))),
        2 => consent().prop_map(|consent| Body::Consent(ConsentChange::Given(consent))),
        1 => (consent_id(), patient(), moment()).prop_map(|(id, patient, withdrawn_at)| {
            Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient, withdrawn_at }))
        }),
        1 => emergency().prop_map(Body::Consent),
        2 => directory().prop_map(Body::Directory),
        1 => referral().prop_map(|change| Body::Referral(Box::new(change))),
        2 => audit().prop_map(|event| Body::Audit(Box::new(event))),
    ];
    (facility_id(), "[!-~]{1,128}", moment(), body).prop_map(|(source, id, admitted_at, body)| Event {
        key: EventKey { source, id: EventId::parse(&id).unwrap() },
        admitted_at,
        body,
    })
}

/// One laboratory event.
pub(super) fn example() -> Event {
    let at = Moment::parse("2026-04-01T09:30:00+09:00").unwrap();
    let result = LabResult {
        code: Coding { system: CodeSystem::Jlac10, code: "3D046000001920402".into(), display: "HbA1c".into() },
        value: Value::Quantity { value: 6.8, unit: "%".into(), comparator: String::new() },
        reference_low: Some(4.9),
        reference_high: Some(6.0),
        flag: "H".into(),
        specimen: "019".into(),
        status: LabStatus::Final,
        order: "081251234567800".into(),
        note: "溶血あり".into(),
    };
    let source = FacilityId::parse("nagasaki-mc").unwrap();
    let record = Record::new(
        PatientRef::new(source.clone(), PatientNumber::parse("00012345").unwrap()),
        RecordId::parse("lab-1").unwrap(),
        Version::FIRST,
        Category::Laboratory,
        at,
        at,
        Labels::NONE,
        Some(DepartmentCode::parse("01").unwrap()),
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(Payload::Laboratory(result)),
    )
    .unwrap();
    let key = EventKey { source, id: EventId::parse("e-1").unwrap() };
    Event { key, admitted_at: at, body: Body::Record(Box::new(record)) }
}
