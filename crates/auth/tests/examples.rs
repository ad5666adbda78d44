//! Runs the demo of an example, and checks the status of every step.

#[path = "../examples/whole_life.rs"]
mod whole_life;

#[actix_web::test]
async fn the_demo_runs_through_the_whole_life_of_an_account() {
    let mut lines = Vec::new();
    whole_life::demo(&mut lines).await.unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let statuses: Vec<_> = lines.lines().filter_map(|line| line.split(' ').next()).collect();
    let (begun, ended, left) = (
        ["422", "201", "401", "200", "401", "200", "403", "200", "200", "200", "200"],
        ["401", "401", "401", "401"],
        ["200", "200", "204", "401", "401"],
    );
    assert_eq!(statuses, [&begun[..], &ended, &left].concat(), "{lines}");
}
