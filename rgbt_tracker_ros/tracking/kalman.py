# SPDX-License-Identifier: Apache-2.0
"""Kalman filter of a point that moves at a nearly constant velocity."""
from __future__ import annotations


class ConstantVelocity:
    """Place and velocity of a point in the image; both axes share one covariance.

    Variances are in squared sizes of the target, so that one setting serves near and far ones;
    places are in pixels.

    Attributes
    ----------
    x, y
        Place, pixels.
    vx, vy
        Velocity, pixels per second.
    place, both, speed
        Variance of the place, covariance, variance of the speed.

    """

    def __init__(self, x: float, y: float, place: float, speed: float) -> None:
        self.x, self.y, self.vx, self.vy = x, y, 0.0, 0.0
        self.place, self.both, self.speed = place, 0.0, speed

    def carry_on(self, step: float, agility: float) -> None:
        """Move on by some seconds.

        Parameters
        ----------
        step
            Seconds, over 0.
        agility
            Spectral density of the acceleration, squared sizes per cubic second.

        """
        self.x, self.y = self.x + self.vx * step, self.y + self.vy * step
        self.place += step * (2.0 * self.both + step * self.speed) + agility * step ** 3 / 3
        self.both += step * self.speed + agility * step ** 2 / 2
        self.speed += agility * step

    def correct(self, x: float, y: float, noise: float) -> None:
        """Take in a measured place whose variance is `noise`."""
        off_x, off_y = x - self.x, y - self.y
        spread = self.place + noise
        gain, speed_gain = self.place / spread, self.both / spread
        self.x, self.y = self.x + gain * off_x, self.y + gain * off_y
        self.vx, self.vy = self.vx + speed_gain * off_x, self.vy + speed_gain * off_y
        self.speed -= speed_gain * self.both
        self.place, self.both = (1.0 - gain) * self.place, (1.0 - gain) * self.both
